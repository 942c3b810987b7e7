// Drawings of tees, shirts and knits: one cut with different measures and details.
import { both, buttons, type Drawing, line, type Piece, rib } from './drawing.ts';
import {
  body,
  bodyFolds,
  neckBand,
  neckInside,
  regular,
  type SleeveMeasures,
  sleeve,
  type TopMeasures,
} from './top-shape.ts';

export function tee(): Drawing {
  const m = { ...regular, neckDepth: 24 };
  return {
    ...base(m, { length: 66, angle: 40, end: 56 }),
    seams: [],
    stitches: [hemLine(m, 8)],
    details: [],
    ...withBand(m, 7, { length: 66, angle: 40, end: 56 }),
  };
}

export function tank(): Drawing {
  const m = {
    ...regular,
    neck: 46,
    shoulder: 66,
    chest: 78,
    neckDepth: 58,
    shoulderY: 91,
    armpitY: 196,
    waist: 74,
    hem: 82,
    hemY: 400,
  };
  const straps = { ...m, shoulder: 64 };
  return {
    pieces: [
      { d: neckInside(m), tone: -0.35, plain: true, flat: true },
      { d: body(straps) },
      { d: neckBand(m, 6), tone: -0.06, plain: true, flat: true },
    ],
    folds: bodyFolds(m),
    seams: [],
    stitches: [hemLine(m, 8)],
    details: [],
  };
}

export function shirt(): Drawing {
  const m = { ...regular, neckDepth: 20, hemY: 422, hemDrop: 22, hem: 82, waist: 80 };
  const arms = { length: 252, angle: 14, end: 38 };
  const parts = sleeve(m, arms);
  return {
    pieces: [
      ...sleeves(parts.d, parts.cuff(26, 3)),
      { d: 'M160 88C168 68 232 68 240 88C226 98 174 98 160 88Z', tone: -0.1, flat: true },
      { d: neckInside({ ...m, neckDepth: 22 }), tone: -0.4, plain: true, flat: true },
      { d: body(m) },
      { d: 'M190 104H210V443Q200 445 190 443Z', tone: 0.05, flat: true },
      { d: 'M163 83L151 112L180 132L200 106C184 104 172 96 163 83Z', pair: true, tone: 0.08, flat: true },
      { d: 'M226 176H268V216L247 224L226 216Z', tone: 0.03, flat: true },
    ],
    folds: [...bodyFolds(m), ...parts.folds],
    seams: ['M163 83L151 112L180 132L200 106C184 104 172 96 163 83', 'M237 83L249 112L220 132L200 106'],
    stitches: ['M229 184H265', 'M154 111L180 128L196 107', 'M246 111L220 128L204 107', yoke],
    details: [buttons(200, 138, 408, 7), line('M190 104V443M210 104V443', 1, '{darker}', 0.45)],
  };
}

export function blouse(): Drawing {
  const m = {
    ...regular,
    neck: 40,
    neckDepth: 66,
    vNeck: true,
    chest: 80,
    waist: 74,
    hem: 92,
    hemY: 400,
    hemDrop: 12,
  };
  const arms = { length: 218, angle: 20, end: 40, puff: 15 };
  const parts = sleeve(m, arms);
  return {
    pieces: [
      ...sleeves(parts.d, parts.cuff(18, 8)),
      { d: neckInside(m), tone: -0.38, plain: true, flat: true },
      { d: body(m) },
      { d: neckBand(m, 8), tone: 0.08, plain: true, flat: true },
    ],
    folds: [
      ...bodyFolds(m),
      ...parts.folds,
      'M176 170C170 230 172 300 162 400C174 330 178 240 180 170Z',
      'M222 168C230 240 228 310 240 402C226 330 220 240 218 170Z',
    ],
    seams: ['M200 150V232'],
    stitches: [hemLine(m, 8)],
    details: [
      '<path d="M200 152C190 176 180 204 184 236C190 214 198 190 203 158ZM200 152C212 174 224 196 222 226C214 206 206 186 198 158Z" fill="{light}" stroke="{darker}" stroke-width=".8"/><circle cx="200" cy="153" r="6" fill="{base}" stroke="{darker}" stroke-width=".9"/>',
      both(line('M121 104C129 101 137 110 139 120M128 98C136 100 141 108 143 116', 1.2)),
    ],
  };
}

export function polo(): Drawing {
  const m = { ...regular, neckDepth: 22, hemY: 408 };
  const arms = { length: 68, angle: 36, end: 54 };
  const parts = sleeve(m, arms);
  return {
    pieces: [
      ...sleeves(parts.d),
      { d: parts.cuff(13), pair: true, accent: true, plain: true, flat: true },
      {
        d: 'M159 88C167 66 233 66 241 88C226 98 174 98 159 88Z',
        accent: true,
        tone: -0.14,
        plain: true,
        flat: true,
      },
      { d: neckInside(m), tone: -0.38, plain: true, flat: true },
      { d: body(m) },
      { d: 'M188 106H212V186L200 190L188 186Z', tone: 0.06, plain: true, flat: true },
      {
        d: 'M162 83L147 106C156 124 170 134 184 138L200 108C184 106 170 98 162 83Z',
        pair: true,
        accent: true,
        plain: true,
        flat: true,
      },
    ],
    folds: [...bodyFolds(m), ...parts.folds],
    seams: [
      'M188 110V186L200 190L212 186V110',
      'M162 83L147 106C156 124 170 134 184 138L200 108',
      'M238 83L253 106C244 124 230 134 216 138L200 108',
    ],
    stitches: [hemLine(m, 8)],
    details: [
      buttons(200, 132, 172, 3),
      '<path d="M252 178q6 -8 12 0q-6 8 -12 0z" fill="{accent}" opacity=".85"/>',
    ],
  };
}

export function sweater(): Drawing {
  const m = {
    ...regular,
    neck: 40,
    shoulder: 84,
    chest: 92,
    waist: 92,
    hem: 84,
    neckDepth: 24,
    hemY: 414,
    hemDrop: 4,
  };
  const arms = { length: 244, angle: 13, end: 44, puff: 7 };
  const parts = sleeve(m, arms);
  return {
    pieces: [
      ...sleeves(parts.d),
      { d: parts.cuff(30, 2), pair: true, tone: -0.06, plain: true },
      { d: neckInside(m), tone: -0.4, plain: true, flat: true },
      { d: body(m) },
      { d: neckBand(m, 14), tone: -0.05, plain: true, flat: true },
      { d: 'M115 388C130 394 270 394 285 388L283 418C265 424 135 424 117 418Z', tone: -0.05, plain: true },
    ],
    folds: [...bodyFolds(m), ...parts.folds],
    seams: [
      'M115 388C130 394 270 394 285 388',
      'M118 98C112 130 104 156 108 186',
      'M282 98C288 130 296 156 292 186',
    ],
    stitches: [],
    details: [rib([117, 283], [391, 418], 4), neckRib(m)],
  };
}

export function cardigan(): Drawing {
  const m = {
    ...regular,
    neck: 38,
    neckDepth: 110,
    vNeck: true,
    chest: 88,
    waist: 88,
    hem: 86,
    hemY: 424,
    hemDrop: 4,
    shoulder: 82,
  };
  const arms = { length: 246, angle: 13, end: 44, puff: 6 };
  const parts = sleeve(m, arms);
  return {
    pieces: [
      ...sleeves(parts.d),
      { d: parts.cuff(28, 2), pair: true, tone: -0.06, plain: true },
      { d: neckInside(m), tone: -0.42, plain: true, flat: true },
      { d: body(m) },
      { d: 'M114 400C140 406 260 406 286 400L285 428C260 434 140 434 115 428Z', tone: -0.05, plain: true },
      {
        d: 'M162 84L150 88C156 130 172 170 190 198V431H210V198C228 170 244 130 250 88L238 84C232 124 216 160 200 190C184 160 168 124 162 84Z',
        tone: -0.07,
        plain: true,
        flat: true,
      },
      { d: 'M128 322H176V376H128Z', pair: true, tone: 0.03 },
    ],
    folds: [...bodyFolds(m), ...parts.folds],
    seams: [
      'M190 198V431M210 198V431',
      'M128 330H176',
      'M224 330H272',
      'M162 84C168 124 184 160 200 190',
      'M150 88C156 130 172 170 190 198M250 88C244 130 228 170 210 198',
    ],
    stitches: [],
    details: [rib([116, 189], [404, 431], 3), rib([211, 284], [404, 431], 3), buttons(200, 214, 412, 6)],
  };
}

export function hoodie(): Drawing {
  const m = {
    ...regular,
    neck: 36,
    neckY: 96,
    shoulderY: 110,
    shoulder: 84,
    chest: 92,
    waist: 92,
    hem: 86,
    neckDepth: 26,
    armpitY: 196,
    hemY: 424,
    hemDrop: 4,
  };
  const arms = { length: 236, angle: 13, end: 46, puff: 7 };
  const parts = sleeve(m, arms);
  return {
    pieces: [
      ...sleeves(parts.d),
      { d: parts.cuff(26, 2), pair: true, tone: -0.08, plain: true },
      {
        d: 'M200 40C164 40 140 62 144 104C160 122 182 130 200 132C218 130 240 122 256 104C260 62 236 40 200 40Z',
        tone: -0.08,
      },
      {
        d: 'M200 54C176 54 160 70 162 98C174 112 188 120 200 130C212 120 226 112 238 98C240 70 224 54 200 54Z',
        tone: -0.5,
        plain: true,
        flat: true,
      },
      { d: body(m) },
      {
        d: 'M144 102C156 112 172 118 184 124L200 146L216 124C228 118 244 112 256 102C254 126 230 146 200 152C170 146 146 126 144 102Z',
        tone: 0.04,
      },
      { d: 'M148 316H252L276 372V392H124V372Z', tone: 0.03 },
      { d: 'M113 398C136 404 264 404 287 398L285 428C262 434 138 434 115 428Z', tone: -0.07, plain: true },
    ],
    folds: [...bodyFolds(m), ...parts.folds, 'M176 46C158 58 150 76 152 98C146 76 154 54 176 46Z'],
    seams: ['M148 316L124 372M252 316L276 372M148 316H252', 'M113 398C136 404 264 404 287 398'],
    stitches: ['M152 321H248', 'M146 322L128 368M254 322L272 368'],
    details: [
      rib([117, 283], [402, 428], 4),
      '<circle cx="180" cy="134" r="2.6" fill="{metal}"/><circle cx="220" cy="134" r="2.6" fill="{metal}"/>',
      line('M180 135C177 160 182 180 178 204', 3, '{cord}', 1),
      line('M220 135C224 158 218 176 222 198', 3, '{cord}', 1),
    ],
  };
}

const yoke = 'M124 124C150 132 178 134 190 134M210 134C222 134 250 132 276 124';

function base(m: TopMeasures, arms: SleeveMeasures): Pick<Drawing, 'pieces' | 'folds'> {
  const parts = sleeve(m, arms);
  return {
    pieces: [...sleeves(parts.d), { d: neckInside(m), tone: -0.38, plain: true, flat: true }, { d: body(m) }],
    folds: [...bodyFolds(m), ...parts.folds],
  };
}

function withBand(m: TopMeasures, width: number, arms: SleeveMeasures): Pick<Drawing, 'pieces'> {
  return {
    pieces: [...base(m, arms).pieces, { d: neckBand(m, width), tone: -0.06, plain: true, flat: true }],
  };
}

function sleeves(d: string, cuff?: string): Piece[] {
  return [{ d, pair: true, tone: -0.05 }, ...(cuff ? [{ d: cuff, pair: true, tone: 0.04 }] : [])];
}

function hemLine(m: TopMeasures, above: number): string {
  const y = m.hemY - above;
  return `M${200 - m.hem + 2} ${y}C${200 - m.hem * 0.6} ${y + m.hemDrop} ${200 + m.hem * 0.6} ${y + m.hemDrop} ${200 + m.hem - 2} ${y}`;
}

function neckRib(m: TopMeasures): string {
  const ticks: string[] = [];
  for (let step = -6; step <= 6; step++) {
    const turn = (step / 6) * 1.25;
    const x = 200 + Math.sin(turn) * (m.neck + 4);
    const y = m.neckY - 4 + Math.cos(turn) * (m.neckDepth + 6);
    ticks.push(
      `M${Math.round(x)} ${Math.round(y)}l${Math.round(Math.sin(turn) * 9)} ${Math.round(Math.cos(turn) * 10)}`,
    );
  }
  return `<path d="${ticks.join('')}" stroke="{darker}" stroke-width="1" opacity=".35"/>`;
}
