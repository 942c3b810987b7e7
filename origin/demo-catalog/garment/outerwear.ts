// Drawings of jackets, blazers, coats and vests: wide, with fronts that open.
import { buttons, type Drawing, line, rib, zip } from './drawing.ts';
import { body, bodyFolds, neckInside, regular, sleeve } from './top-shape.ts';

export function jacket(): Drawing {
  const m = {
    ...regular,
    neck: 38,
    shoulder: 88,
    chest: 94,
    waist: 94,
    hem: 86,
    neckDepth: 18,
    hemY: 392,
    hemDrop: 3,
    waistY: 290,
  };
  const parts = sleeve(m, { length: 238, angle: 14, end: 46, puff: 8 });
  return {
    pieces: [
      { d: parts.d, pair: true, tone: -0.06 },
      { d: parts.cuff(24, 2), pair: true, tone: -0.2, plain: true },
      { d: neckInside({ ...m, neckDepth: 20 }), tone: -0.45, plain: true, flat: true },
      { d: body(m) },
      { d: 'M113 366C140 371 260 371 287 366L285 396C262 401 138 401 115 396Z', tone: -0.2, plain: true },
      {
        d: 'M200 110C178 108 160 98 156 78C168 68 190 66 200 66C210 66 232 68 244 78C240 98 222 108 200 110Z',
        tone: -0.2,
        plain: true,
        flat: true,
      },
      {
        d: 'M200 92C184 92 172 86 166 76C178 72 222 72 234 76C228 86 216 92 200 92Z',
        tone: -0.55,
        plain: true,
        flat: true,
      },
      { d: 'M140 286L158 280L172 334L152 338Z', pair: true, tone: 0.05, plain: true, flat: true },
    ],
    folds: [...bodyFolds({ ...m, hemY: 364 }), ...parts.folds],
    seams: [
      'M113 366C140 371 260 371 287 366',
      'M118 120C132 150 134 176 106 196',
      'M282 120C268 150 266 176 294 196',
    ],
    stitches: ['M143 290L158 285', 'M257 290L242 285', 'M193 112V366M207 112V366'],
    details: [rib([117, 283], [370, 396], 3), zip(200, 108, 396)],
  };
}

export function blazer(): Drawing {
  const m = {
    ...regular,
    neck: 38,
    shoulder: 86,
    chest: 88,
    waist: 78,
    hem: 92,
    neckDepth: 150,
    vNeck: true,
    hemY: 416,
    hemDrop: 10,
    waistY: 280,
  };
  const parts = sleeve(m, { length: 258, angle: 11, end: 42 });
  return {
    pieces: [
      { d: parts.d, pair: true, tone: -0.06 },
      { d: 'M200 240L162 84C174 78 226 78 238 84Z', tone: -0.5, plain: true, flat: true },
      { d: body(m) },
      {
        d: 'M200 238C194 214 172 150 163 84C157 84 150 88 147 92L140 138L156 136L150 152C164 184 184 218 200 240Z',
        pair: true,
        tone: 0.07,
        flat: true,
      },
      { d: 'M126 322H174V334H126Z', pair: true, tone: 0.05, flat: true },
      { d: 'M226 188L262 184V194L226 198Z', tone: 0.06, flat: true },
    ],
    folds: [...bodyFolds(m), ...parts.folds],
    seams: [
      'M200 240C201 300 204 360 200 426',
      'M200 238C186 214 164 184 150 152L156 136L140 138L147 92M200 238C214 214 236 184 250 152L244 136L260 138L253 92',
      'M152 200C146 250 148 290 150 322M248 200C254 250 252 290 250 322',
    ],
    stitches: [],
    details: [buttons(206, 250, 296, 2)],
  };
}

export function coat(): Drawing {
  const m = {
    ...regular,
    neckY: 66,
    shoulderY: 80,
    armpitY: 160,
    neck: 38,
    shoulder: 84,
    chest: 88,
    waist: 84,
    hem: 108,
    neckDepth: 96,
    vNeck: true,
    hemY: 462,
    hemDrop: 8,
    waistY: 260,
  };
  const parts = sleeve(m, { length: 236, angle: 11, end: 44, puff: 3 });
  return {
    pieces: [
      { d: parts.d, pair: true, tone: -0.06 },
      { d: parts.cuff(30, 2), pair: true, tone: 0.04 },
      { d: 'M200 170L160 66C174 60 226 60 240 66Z', tone: -0.5, plain: true, flat: true },
      { d: body(m) },
      {
        d: 'M200 164C188 140 170 106 163 66C155 66 148 72 144 78L128 122L150 124L142 142C160 160 184 172 206 184Z',
        tone: 0.08,
        flat: true,
      },
      {
        d: 'M200 164C212 140 230 106 237 66C245 66 252 72 256 78L272 122L250 124L258 142C246 160 226 176 206 184Z',
        tone: 0.04,
        flat: true,
      },
      { d: 'M124 316H168L166 332H122Z', pair: true, tone: 0.06, flat: true },
      { d: 'M115 248H285L286 268H114Z', tone: -0.08, flat: true },
      { d: 'M186 244H218V272H186Z', tone: 0.1, flat: true },
    ],
    folds: [
      ...bodyFolds(m),
      ...parts.folds,
      'M160 270C152 330 148 400 142 464C156 400 164 330 168 270Z',
      'M250 270C256 340 262 400 268 464C254 400 246 330 242 270Z',
    ],
    seams: [
      'M206 184V470',
      'M206 184C184 172 160 160 142 142L150 124L128 122L144 78',
      'M206 184C226 176 246 160 258 142L250 124L272 122L256 78',
    ],
    stitches: ['M115 252H285M115 264H285'],
    details: [
      buttons(186, 204, 232, 2),
      buttons(228, 204, 232, 2),
      buttons(186, 296, 336, 2),
      buttons(228, 296, 336, 2),
      '<rect x="190" y="247" width="24" height="22" rx="3" fill="none" stroke="{metal}" stroke-width="3"/>',
    ],
  };
}

export function vest(): Drawing {
  const m = {
    ...regular,
    neck: 38,
    shoulder: 72,
    chest: 88,
    waist: 92,
    hem: 90,
    neckDepth: 14,
    armpitY: 196,
    shoulderY: 94,
    hemY: 402,
    hemDrop: 5,
  };
  const quilts = [148, 194, 240, 286, 332, 376];
  const edge = (y: number) => (y < 190 ? 137 : 112);
  return {
    pieces: [
      { d: body(m) },
      { d: 'M200 104C176 104 158 92 156 66C170 58 230 58 244 66C242 92 224 104 200 104Z', tone: -0.06 },
      {
        d: 'M200 84C184 84 172 78 166 68C178 63 222 63 234 68C228 78 216 84 200 84Z',
        tone: -0.5,
        plain: true,
        flat: true,
      },
    ],
    folds: quilts.map(
      (y) =>
        `M${edge(y)} ${y - 2}C150 ${y + 8} 250 ${y + 8} ${400 - edge(y)} ${y - 2}C250 ${y + 19} 150 ${y + 19} ${edge(y)} ${y - 2}Z`,
    ),
    seams: [
      ...quilts.map((y) => `M${edge(y)} ${y}C150 ${y + 9} 250 ${y + 9} ${400 - edge(y)} ${y}`),
      'M156 92C176 104 224 104 244 92',
    ],
    stitches: [],
    details: [
      ...quilts.map((y) =>
        line(
          `M${edge(y) + 12} ${y - 20}C150 ${y - 16} 176 ${y - 15} 190 ${y - 15}M214 ${y - 15}C236 ${y - 16} 258 ${y - 17} ${388 - edge(y)} ${y - 20}`,
          6,
          '#fff',
          0.1,
        ),
      ),
      zip(200, 80, 406),
      line('M134 300L142 346M266 300L258 346', 2.4),
    ],
  };
}
