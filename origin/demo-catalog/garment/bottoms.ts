// Drawings of dresses, skirts, trousers and shorts.
import { button, type Drawing, line, type Segment, symmetric } from './drawing.ts';
import { body, neckBand, neckInside, regular, sleeve } from './top-shape.ts';

export function dress(): Drawing {
  const m = {
    ...regular,
    neckY: 52,
    shoulderY: 62,
    armpitY: 138,
    neck: 40,
    shoulder: 70,
    chest: 70,
    waist: 56,
    hem: 116,
    neckDepth: 44,
    waistY: 218,
    hemY: 456,
    hemDrop: 14,
  };
  const parts = sleeve(m, { length: 58, angle: 36, end: 52, puff: 10 });
  return {
    pieces: [
      { d: parts.d, pair: true, tone: -0.05 },
      { d: neckInside(m), tone: -0.38, plain: true, flat: true },
      { d: body(m) },
      { d: neckBand(m, 5), tone: 0.07, plain: true, flat: true },
      {
        d: 'M144 212C170 220 230 220 256 212L256 228C230 236 170 236 144 228Z',
        tone: -0.12,
        plain: true,
        flat: true,
      },
    ],
    folds: [
      ...parts.folds,
      'M160 236C146 310 124 390 112 458C136 390 158 320 170 238Z',
      'M186 240C182 320 172 400 164 466C186 400 194 320 194 240Z',
      'M216 240C222 320 232 400 244 464C220 400 210 320 208 240Z',
      'M240 236C256 310 276 390 288 456C264 390 244 320 232 238Z',
      'M136 146C152 160 162 180 164 206C154 186 146 170 134 162Z',
      'M264 146C248 160 238 180 236 206C246 186 254 170 266 162Z',
    ],
    seams: ['M144 212C170 220 230 220 256 212M144 228C170 236 230 236 256 228'],
    stitches: ['M88 446C150 464 250 464 312 446'],
    details: [],
  };
}

export function skirt(): Drawing {
  const outline = symmetric(
    [200, 96],
    [
      [
        [170, 96],
        [146, 94],
        [136, 90],
      ],
      [[136, 112]],
      [
        [112, 190],
        [92, 300],
        [78, 410],
      ],
      [
        [120, 428],
        [160, 432],
        [200, 432],
      ],
    ],
  );
  const pleats = [0.18, 0.36, 0.5, 0.64, 0.82];
  return {
    pieces: [
      { d: outline },
      { d: 'M136 88C160 96 240 96 264 88L265 116C240 124 160 124 135 116Z', tone: -0.1, flat: true },
    ],
    folds: pleats.map((at) => {
      const top = 140 + 120 * at;
      const bottom = 84 + 232 * at;
      return `M${top} 120L${bottom - 6} 428L${bottom + 16} 430L${top + 4} 120Z`;
    }),
    seams: [
      ...pleats.map((at) => `M${140 + 120 * at} 120L${84 + 232 * at - 6} 428`),
      'M135 116C160 124 240 124 265 116',
    ],
    stitches: ['M137 92C160 100 240 100 263 92'],
    details: [button(256, 104, 3.6)],
  };
}

export function jeans(): Drawing {
  return {
    ...legs({ waist: 68, hip: 82, knee: 60, ankle: 50, gap: 10, top: 50, bottom: 466, crotch: 190 }),
    stitches: [
      'M200 78V150C200 166 188 172 180 174',
      'M132 74C136 104 152 116 172 76',
      'M268 74C264 104 248 116 228 76',
      'M144 457H188M212 457H256',
      'M133 54H267M133 70H267',
      'M125 160C125 250 132 340 145 462M275 160C275 250 268 340 255 462',
    ],
    details: [
      button(200, 63, 4.2),
      loops([148, 174, 226, 252], 48, 80),
      line('M132 78C137 106 153 118 174 78M268 78C263 106 247 118 226 78', 1.6),
      '<circle cx="134" cy="82" r="1.8" fill="{metal}"/><circle cx="170" cy="82" r="1.8" fill="{metal}"/><circle cx="230" cy="82" r="1.8" fill="{metal}"/>',
      '<path d="M140 190C150 230 150 290 146 330C134 290 132 230 140 190ZM260 190C250 230 250 290 254 330C266 290 268 230 260 190Z" fill="#fff" opacity=".13"/>',
    ],
  };
}

export function trousers(): Drawing {
  return {
    ...legs({ waist: 64, hip: 86, knee: 72, ankle: 62, gap: 12, top: 50, bottom: 468, crotch: 190 }),
    stitches: ['M200 80V158C200 168 190 174 184 176'],
    details: [
      loops([150, 178, 222, 250], 48, 80),
      button(206, 64, 3.4),
      line('M164 84C158 200 152 330 148 464', 1.6, '{darker}', 0.5),
      line('M236 84C242 200 248 330 252 464', 1.6, '{darker}', 0.5),
      line('M134 82L126 132M266 82L274 132', 1.8),
      line('M176 80C175 92 174 104 172 114M224 80C225 92 226 104 228 114', 1.4),
    ],
  };
}

export function shorts(): Drawing {
  return {
    ...legs({ waist: 74, hip: 96, knee: 102, ankle: 104, gap: 14, top: 120, bottom: 358, crotch: 252 }),
    stitches: [
      'M88 346C120 352 160 354 186 350M312 346C280 352 240 354 214 350',
      'M200 152V222',
      'M127 128H273',
    ],
    details: [
      rope(),
      line('M126 152L112 210M274 152L288 210', 1.8),
      line(
        'M140 124V146M152 124V146M164 124V146M176 124V146M188 124V146M212 124V146M224 124V146M236 124V146M248 124V146M260 124V146',
        1,
        '{darker}',
        0.4,
      ),
    ],
  };
}

interface LegMeasures {
  /** Half widths at waist and hip; distances of the outer line from the middle at knee and ankle. */
  waist: number;
  hip: number;
  knee: number;
  ankle: number;
  /** Half the distance between the legs at the bottom. */
  gap: number;
  top: number;
  bottom: number;
  crotch: number;
}

function legs(m: LegMeasures): Pick<Drawing, 'pieces' | 'folds' | 'seams'> {
  const outerBottom = 200 - m.gap - m.ankle;
  const half: Segment[] = [
    [
      [200 - m.waist * 0.6, m.top + 6],
      [200 - m.waist, m.top + 2],
      [200 - m.waist, m.top],
    ],
    [
      [200 - m.waist - 2, m.top + 40],
      [200 - m.hip, m.top + 70],
      [200 - m.hip, m.crotch - 30],
    ],
    [
      [200 - m.hip, m.crotch + 60],
      [200 - m.gap - m.knee - 2, (m.crotch + m.bottom) / 2],
      [outerBottom, m.bottom],
    ],
    [
      [outerBottom + m.ankle * 0.4, m.bottom + 5],
      [outerBottom + m.ankle * 0.7, m.bottom + 5],
      [200 - m.gap, m.bottom + 1],
    ],
    [
      [200 - m.gap + 1, m.bottom - 90],
      [194, m.crotch + 40],
      [200, m.crotch],
    ],
  ];
  const outline = symmetric([200, m.top + 6], half);
  const waistband = symmetric(
    [200, m.top + 6],
    [
      [
        [200 - m.waist * 0.6, m.top + 6],
        [200 - m.waist, m.top + 2],
        [200 - m.waist, m.top],
      ],
      [[200 - m.waist - 3, m.top + 26]],
      [
        [200 - m.waist * 0.6, m.top + 32],
        [190, m.top + 32],
        [200, m.top + 32],
      ],
    ],
  );
  const inside = `M${200 - m.waist} ${m.top}C${200 - m.waist * 0.5} ${m.top - 7} ${200 + m.waist * 0.5} ${m.top - 7} ${200 + m.waist} ${m.top}C${200 + m.waist * 0.6} ${m.top + 7} ${200 - m.waist * 0.6} ${m.top + 7} ${200 - m.waist} ${m.top}Z`;
  const fold = (side: number) => {
    const at = (dx: number) => 200 + side * dx;
    const knee = (m.crotch + m.bottom) / 2;
    return [
      `M${at(4)} ${m.crotch - 4}C${at(26)} ${m.crotch + 4} ${at(48)} ${m.crotch + 2} ${at(66)} ${m.crotch - 10}C${at(50)} ${m.crotch + 14} ${at(24)} ${m.crotch + 18} ${at(4)} ${m.crotch + 12}Z`,
      `M${at(m.gap)} ${m.bottom}C${at(m.gap + 2)} ${knee + 40} ${at(10)} ${knee} ${at(4)} ${m.crotch + 8}C${at(22)} ${knee} ${at(m.gap + 16)} ${knee + 40} ${at(m.gap + 14)} ${m.bottom}Z`,
    ];
  };
  return {
    pieces: [
      { d: inside, tone: -0.45, plain: true, flat: true },
      { d: outline },
      { d: waistband, tone: -0.06, flat: true },
    ],
    folds: [...fold(-1), ...fold(1)],
    seams: [
      `M200 ${m.top + 32}V${m.crotch}`,
      `M${200 - m.waist - 3} ${m.top + 26}C${200 - m.waist * 0.6} ${m.top + 32} ${200 + m.waist * 0.6} ${m.top + 32} ${200 + m.waist + 3} ${m.top + 26}`,
    ],
  };
}

function loops(xs: number[], top: number, bottom: number): string {
  return xs
    .map(
      (x) =>
        `<rect x="${x - 3}" y="${top}" width="6" height="${bottom - top}" rx="1.5" fill="{base}" stroke="{darker}" stroke-width=".9"/>`,
    )
    .join('');
}

function rope(): string {
  return `${line('M194 140C188 160 190 178 184 196', 3.2, '{cord}', 1)}${line('M206 140C212 158 208 176 214 190', 3.2, '{cord}', 1)}`;
}
