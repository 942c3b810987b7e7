// The shape of garments above the waist, from measures of body, sleeves and neck.
import { add, closed, type Point, type Segment, symmetric } from './drawing.ts';

export interface TopMeasures {
  /** Heights of the neck's points and of the shoulders' ends. */
  neckY: number;
  shoulderY: number;
  /** Half widths from the middle. */
  neck: number;
  shoulder: number;
  chest: number;
  waist: number;
  hem: number;
  /** Depth of the neck in front. */
  neckDepth: number;
  armpitY: number;
  waistY: number;
  hemY: number;
  /** How much lower the hem hangs in the middle. */
  hemDrop: number;
  /** A pointed neck instead of a round one. */
  vNeck?: boolean;
}

export const regular: TopMeasures = {
  neckY: 84,
  shoulderY: 98,
  neck: 37,
  shoulder: 80,
  chest: 84,
  waist: 82,
  hem: 86,
  neckDepth: 26,
  armpitY: 186,
  waistY: 300,
  hemY: 418,
  hemDrop: 8,
};

export function body(m: TopMeasures): string {
  return symmetric([200, m.neckY + m.neckDepth], [...neckEdge(m), ...sideEdge(m)]);
}

function neckEdge(m: TopMeasures): Segment[] {
  const end: Point = [200 - m.neck, m.neckY];
  if (m.vNeck)
    return [[[188, m.neckY + m.neckDepth * 0.7], [200 - m.neck * 0.9, m.neckY + m.neckDepth * 0.3], end]];
  return [
    [[200 - m.neck * 0.6, m.neckY + m.neckDepth], [200 - m.neck * 0.92, m.neckY + m.neckDepth * 0.5], end],
  ];
}

function sideEdge(m: TopMeasures): Segment[] {
  const inset = Math.min(m.shoulder, m.chest) - 10;
  return [
    [
      [200 - m.neck - 14, m.neckY + 6],
      [200 - m.shoulder + 12, m.shoulderY - 5],
      [200 - m.shoulder, m.shoulderY],
    ],
    [
      [200 - inset, m.shoulderY + 32],
      [200 - inset, m.armpitY - 24],
      [200 - m.chest, m.armpitY],
    ],
    [
      [200 - m.chest + 2, m.armpitY + 40],
      [200 - m.waist, m.waistY - 36],
      [200 - m.waist, m.waistY],
    ],
    [
      [200 - m.waist, m.waistY + 40],
      [200 - m.hem, m.hemY - 30],
      [200 - m.hem, m.hemY],
    ],
    [
      [200 - m.hem * 0.6, m.hemY + m.hemDrop],
      [200 - m.hem * 0.3, m.hemY + m.hemDrop],
      [200, m.hemY + m.hemDrop],
    ],
  ];
}

/** The part of the back that shows through the neck. */
export function neckInside(m: TopMeasures): string {
  return symmetric(
    [200, m.neckY + 7],
    [
      [
        [200 - m.neck * 0.5, m.neckY + 7],
        [200 - m.neck * 0.8, m.neckY + 4],
        [200 - m.neck, m.neckY],
      ],
      ...reverse([200, m.neckY + m.neckDepth], neckEdge(m)),
    ],
  );
}

/** A band along the neck, such as a rib or a facing. */
export function neckBand(m: TopMeasures, width: number): string {
  const outer: TopMeasures = {
    ...m,
    neck: m.neck + width * 0.9,
    neckDepth: m.neckDepth + width,
    neckY: m.neckY + 1,
  };
  return symmetric(
    [200, m.neckY + m.neckDepth],
    [
      ...neckEdge(m),
      [[200 - outer.neck, outer.neckY + 3]],
      ...reverse([200, outer.neckY + outer.neckDepth], neckEdge(outer)),
    ],
  );
}

export interface SleeveMeasures {
  length: number;
  /** Degrees from hanging straight down. */
  angle: number;
  /** Width at the end, and how far the middle bulges. */
  end: number;
  puff?: number;
}

export interface Sleeve {
  d: string;
  cuff: (length: number, flare?: number) => string;
  folds: string[];
}

/** Draws the left sleeve. */
export function sleeve(m: TopMeasures, s: SleeveMeasures): Sleeve {
  const angle = (s.angle * Math.PI) / 180;
  const along: Point = [-Math.sin(angle), Math.cos(angle)];
  const out: Point = [-Math.cos(angle), -Math.sin(angle)];
  const shoulder: Point = [200 - m.shoulder + 3, m.shoulderY - 1];
  const armpit: Point = [200 - m.chest + 8, m.armpitY + 4];
  const middle: Point = [(shoulder[0] + armpit[0]) / 2 - 8, (shoulder[1] + armpit[1]) / 2 - 14];
  const end = add(middle, along, s.length);
  const outer = add(end, out, s.end / 2);
  const inner = add(end, out, -s.end / 2);
  const puff = s.puff ?? 0;
  const d = closed(shoulder, [
    [add(shoulder, [-1, 0.45], 22 + puff), add(add(outer, along, -s.length * 0.5), out, 5 + puff), outer],
    [add(outer, along, 3), add(inner, along, 3), inner],
    [add(add(inner, along, -s.length * 0.4), out, -puff * 0.7), add(armpit, along, s.length * 0.16), armpit],
    [add(armpit, [1, -1], 16), add(shoulder, [1, 1], 14), shoulder],
  ]);
  const cuff = (length: number, flare = 0) => {
    const back = add(end, along, -length);
    return closed(add(back, out, s.end / 2 + flare), [
      [add(end, out, s.end / 2)],
      [add(outer, along, 3), add(inner, along, 3), inner],
      [add(back, out, -s.end / 2 - flare)],
    ]);
  };
  const elbow = add(middle, along, s.length * 0.5);
  const folds =
    s.length < 110
      ? [
          closed(add(armpit, along, 6), [
            [add(armpit, [-0.6, 0.2], 16), add(elbow, out, 4), add(elbow, out, 12)],
            [add(elbow, out, 2), add(armpit, [-0.3, 0.6], 12), add(armpit, along, 6)],
          ]),
        ]
      : [
          closed(add(elbow, out, -14), [
            [add(elbow, out, -4), add(elbow, out, 4), add(add(elbow, out, 16), along, -8)],
            [add(add(elbow, out, 4), along, 5), add(elbow, along, 7), add(elbow, out, -14)],
          ]),
          closed(add(add(elbow, out, -12), along, 34), [
            [
              add(add(elbow, out, -2), along, 30),
              add(add(elbow, out, 5), along, 32),
              add(add(elbow, out, 13), along, 24),
            ],
            [add(add(elbow, out, 2), along, 37), add(elbow, along, 40), add(add(elbow, out, -12), along, 34)],
          ]),
          closed(armpit, [
            [
              add(armpit, [-0.5, 0.4], 18),
              add(add(elbow, out, 2), along, -30),
              add(add(elbow, out, 4), along, -12),
            ],
            [add(add(elbow, out, -8), along, -30), add(armpit, [-0.2, 0.7], 16), armpit],
          ]),
        ];
  return { d, cuff, folds };
}

/** Folds of the cloth, from the chest to the hem. */
export function bodyFolds(m: TopMeasures): string[] {
  const left = 200 - m.hem;
  const right = 200 + m.hem;
  const bottom = m.hemY + m.hemDrop * 0.6;
  return [
    `M${left + 34} ${bottom}C${left + 28} ${m.waistY + 40} ${left + 40} ${m.waistY - 10} ${left + 62} ${m.armpitY + 50}C${left + 50} ${m.waistY} ${left + 46} ${m.waistY + 50} ${left + 50} ${bottom}Z`,
    `M${right - 58} ${bottom + 2}C${right - 60} ${m.waistY + 50} ${right - 56} ${m.waistY + 10} ${right - 42} ${m.armpitY + 80}C${right - 48} ${m.waistY + 20} ${right - 44} ${m.waistY + 60} ${right - 40} ${bottom}Z`,
    `M${200 - m.chest + 6} ${m.armpitY + 10}C${200 - m.chest + 30} ${m.armpitY + 20} ${200 - m.chest + 44} ${m.armpitY + 44} ${200 - m.chest + 50} ${m.armpitY + 70}C${200 - m.chest + 34} ${m.armpitY + 44} ${200 - m.chest + 20} ${m.armpitY + 30} ${200 - m.chest + 6} ${m.armpitY + 22}Z`,
    `M${200 + m.chest - 6} ${m.armpitY + 10}C${200 + m.chest - 30} ${m.armpitY + 20} ${200 + m.chest - 40} ${m.armpitY + 40} ${200 + m.chest - 46} ${m.armpitY + 62}C${200 + m.chest - 32} ${m.armpitY + 44} ${200 + m.chest - 20} ${m.armpitY + 32} ${200 + m.chest - 6} ${m.armpitY + 22}Z`,
  ];
}

function reverse(start: Point, segments: Segment[]): Segment[] {
  const reversed: Segment[] = [];
  let from = start;
  for (const segment of segments) {
    reversed.unshift(segment.length === 1 ? [from] : [segment[1], segment[0], from]);
    from = segment.at(-1)!;
  }
  return reversed;
}
