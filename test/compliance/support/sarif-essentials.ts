// What SARIF 2.1.0 (sections 3.13 to 3.38) requires of the properties that our reports use, as a JSON Schema.
const text = { type: 'string', minLength: 1 };
const message = { type: 'object', required: ['text'], properties: { text } };

const logicalLocation = {
  type: 'object',
  additionalProperties: false,
  properties: { name: text, fullyQualifiedName: text, kind: text },
};

/** A relative reference, or an absolute one with its scheme (3.4.3). */
const artifactLocation = {
  type: 'object',
  additionalProperties: false,
  required: ['uri'],
  properties: { uri: { type: 'string', pattern: '^(file:///)?[^\\\\\\s:]+$' } },
};

const physicalLocation = {
  type: 'object',
  additionalProperties: false,
  required: ['artifactLocation'],
  properties: {
    artifactLocation,
    region: {
      type: 'object',
      additionalProperties: false,
      required: ['startLine'],
      properties: { startLine: { type: 'integer', minimum: 1 } },
    },
  },
};

const location = {
  type: 'object',
  additionalProperties: false,
  properties: {
    message,
    physicalLocation,
    logicalLocations: { type: 'array', minItems: 1, items: logicalLocation },
  },
};

const codeFlow = {
  type: 'object',
  required: ['threadFlows'],
  properties: {
    threadFlows: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['locations'],
        properties: {
          locations: { type: 'array', minItems: 1, items: { type: 'object', properties: { location } } },
        },
      },
    },
  },
};

const result = {
  type: 'object',
  required: ['message'],
  properties: {
    ruleId: text,
    ruleIndex: { type: 'integer', minimum: 0 },
    kind: { enum: ['notApplicable', 'pass', 'fail', 'review', 'open', 'informational'] },
    level: { enum: ['none', 'note', 'warning', 'error'] },
    message,
    locations: { type: 'array', items: location },
    codeFlows: { type: 'array', items: codeFlow },
    partialFingerprints: { type: 'object', additionalProperties: { type: 'string' } },
    suppressions: {
      type: 'array',
      items: {
        type: 'object',
        required: ['kind'],
        properties: {
          kind: { enum: ['inSource', 'external'] },
          status: { enum: ['accepted', 'underReview', 'rejected'] },
          justification: text,
        },
      },
    },
  },
  // A level other than none belongs to a kind of fail only (3.27.10).
  if: { properties: { kind: { const: 'fail' } } },
  else: { properties: { level: { const: 'none' } } },
};

const rule = {
  type: 'object',
  required: ['id'],
  properties: { id: text, shortDescription: message, fullDescription: message, help: message, helpUri: text },
};

export const sarifEssentials = {
  type: 'object',
  additionalProperties: false,
  required: ['version', 'runs'],
  properties: {
    $schema: { type: 'string' },
    version: { const: '2.1.0' },
    runs: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['tool', 'results'],
        properties: {
          tool: {
            type: 'object',
            required: ['driver'],
            properties: {
              driver: {
                type: 'object',
                required: ['name'],
                properties: { name: text, informationUri: text, rules: { type: 'array', items: rule } },
              },
            },
          },
          results: { type: 'array', items: result },
        },
      },
    },
  },
};
