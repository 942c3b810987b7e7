// The pagination tokens of AWS answers, and the input that asks for the next page.

/** How a call's pages follow one another: the input that asks for the next page, or undefined after the last. */
export type NextPage = (answer: Record<string, unknown>) => Record<string, unknown> | undefined;

export function nextToken(answer: Record<string, unknown>) {
  return answer['NextToken'] ? { NextToken: answer['NextToken'] } : undefined;
}

export function marker(answer: Record<string, unknown>) {
  return answer['Marker'] ? { Marker: answer['Marker'] } : undefined;
}

export function nextMarker(answer: Record<string, unknown>) {
  return answer['NextMarker'] ? { Marker: answer['NextMarker'] } : undefined;
}

export function truncatedMarker(answer: Record<string, unknown>) {
  return answer['IsTruncated'] ? { Marker: answer['NextMarker'] } : undefined;
}

/** Route 53's record sets: the SDK has no paginator for them. */
export function nextRecord(answer: Record<string, unknown>) {
  if (!answer['IsTruncated']) return undefined;
  return {
    StartRecordName: answer['NextRecordName'],
    StartRecordType: answer['NextRecordType'],
    StartRecordIdentifier: answer['NextRecordIdentifier'],
  };
}
