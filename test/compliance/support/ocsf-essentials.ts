// What OCSF 1.3's documentation requires of a Compliance Finding (class 2003) and of the objects in it, as JSON schema.
const text = { type: 'string', minLength: 1 };
const oneOf = (...values: number[]) => ({ enum: values });
const object = (required: string[], properties: object) => ({ type: 'object', required, properties });

const account = object(['uid'], { uid: { type: 'string' }, type_id: oneOf(0, 10, 99), type: text });
const finding = object(
  [
    ...['activity_id', 'category_uid', 'class_uid', 'type_uid', 'severity_id', 'time'],
    ...['metadata', 'compliance', 'finding_info', 'cloud'],
  ],
  {
    activity_id: oneOf(0, 1, 2, 3, 99),
    category_uid: oneOf(2),
    class_uid: oneOf(2003),
    type_uid: oneOf(200_300, 200_301, 200_302, 200_303, 200_399),
    severity_id: oneOf(0, 1, 2, 3, 4, 5, 6, 99),
    status_id: oneOf(0, 1, 2, 3, 4, 5, 6, 99),
    time: { type: 'integer', minimum: 1 },
    message: text,
    metadata: object(['version', 'product'], {
      version: { type: 'string', pattern: '^1\\.\\d+\\.\\d+$' },
      profiles: { type: 'array', items: text },
      product: object(['vendor_name'], { vendor_name: text, name: text }),
    }),
    compliance: object(['standards'], {
      standards: { type: 'array', items: text, minItems: 1 },
      control: text,
      requirements: { type: 'array', items: text },
      status_id: oneOf(0, 1, 2, 3, 99),
      status: { enum: ['Unknown', 'Pass', 'Warning', 'Fail', 'Other'] },
      status_detail: text,
    }),
    finding_info: object(['uid', 'title'], {
      uid: text,
      title: text,
      desc: text,
      created_time: { type: 'integer' },
      types: { type: 'array', items: text },
    }),
    resources: { type: 'array', items: object([], { uid: text, name: text, region: { type: 'string' } }) },
    remediation: object(['desc'], { desc: text, references: { type: 'array', items: text } }),
    cloud: object(['provider'], { provider: text, region: { type: 'string' }, account }),
  },
);

export const ocsfEssentials = { type: 'array', items: finding };
