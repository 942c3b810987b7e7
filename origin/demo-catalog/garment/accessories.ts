// Drawings of socks, caps, beanies and scarves.
import { type Drawing, line, rib } from './drawing.ts';

export function socks(): Drawing {
  const sock =
    'M150 90C166 96 192 96 208 90C208 160 204 220 208 270C212 296 246 316 266 338C284 360 276 388 250 390C226 392 196 376 174 354C154 334 148 312 150 284C152 220 152 150 150 90Z';
  const back =
    'M216 70C232 76 258 76 274 70C274 140 270 200 274 250C278 276 312 296 330 318C346 340 338 366 314 368C290 370 262 356 240 334C220 314 214 292 216 264C218 200 218 130 216 70Z';
  return {
    pieces: [
      { d: back, tone: -0.14 },
      {
        d: 'M216 70C232 76 258 76 274 70V110C258 116 232 116 216 110Z',
        tone: -0.14,
        accent: true,
        plain: true,
      },
      {
        d: 'M330 318C346 340 338 366 314 368C304 368 296 366 288 362C290 344 306 324 326 313Z',
        tone: -0.14,
        accent: true,
        plain: true,
      },
      { d: sock },
      { d: 'M150 90C166 96 192 96 208 90V132C192 138 166 138 150 132Z', accent: true, plain: true },
      {
        d: 'M266 338C284 360 276 388 250 390C240 390 230 388 221 384C224 362 242 342 262 333Z',
        accent: true,
        plain: true,
      },
      {
        d: 'M150 284C148 312 154 334 174 354C182 340 186 318 178 296C170 286 160 282 150 284Z',
        accent: true,
        plain: true,
      },
    ],
    folds: [
      'M152 264C168 280 190 284 208 272C196 294 172 296 152 282Z',
      'M152 236C170 246 190 248 206 242C192 256 170 258 152 250Z',
    ],
    seams: ['M221 384C224 362 242 342 262 333', 'M174 354C182 340 186 318 178 296'],
    stitches: [],
    details: [rib([151, 207], [95, 132], 3), rib([217, 273], [75, 110], 3)],
  };
}

export function cap(): Drawing {
  return {
    pieces: [
      { d: 'M104 290C104 180 150 130 206 130C268 130 306 184 304 290C260 310 160 312 104 290Z' },
      {
        d: 'M300 282C336 288 366 308 372 330C352 344 300 336 252 318C206 302 150 302 106 300L104 288C170 306 250 306 300 282Z',
        accent: true,
        tone: -0.05,
      },
      {
        d: 'M300 282C336 288 366 308 372 330C374 338 370 342 362 342C320 344 256 330 216 318C176 308 130 308 106 300C150 302 206 302 252 318C300 336 352 344 372 330Z',
        accent: true,
        tone: -0.3,
        plain: true,
      },
    ],
    folds: [
      'M120 280C118 210 140 160 178 138C150 170 140 220 142 286Z',
      'M268 286C270 220 252 164 222 134C268 156 288 220 290 284Z',
    ],
    seams: [
      'M206 130C188 180 184 240 188 304',
      'M206 130C246 160 262 220 262 300',
      'M206 130C150 156 130 220 130 297',
    ],
    stitches: [
      'M202 132C182 182 178 240 182 304M211 131C252 162 268 220 268 298',
      'M118 296C180 306 262 308 300 290',
      'M300 292C330 298 352 312 360 326M300 302C322 308 340 318 348 328',
    ],
    details: [
      '<ellipse cx="206" cy="130" rx="9" ry="5" fill="{accent}" stroke="{darker}" stroke-width=".8"/>',
      '<circle cx="150" cy="190" r="2.6" fill="{darker}"/><circle cx="232" cy="186" r="2.6" fill="{darker}"/>',
      '<path d="M214 222l12 -22 12 22zM220 222h12v14h-12z" fill="{accent}" opacity=".9"/>',
    ],
  };
}

export function beanie(): Drawing {
  const ribs: string[] = [];
  for (let step = -5; step <= 5; step++) {
    const x = 200 + step * 17;
    ribs.push(`M200 112C${200 + step * 13} 130 ${x + step * 2} 220 ${x + step * 2} 322`);
  }
  return {
    pieces: [
      { d: 'M98 330C92 200 130 104 200 104C270 104 308 200 302 330C250 346 150 346 98 330Z' },
      { d: 'M92 318C150 336 250 336 308 318L312 392C250 412 150 412 88 392Z', tone: 0.07, plain: true },
    ],
    folds: ['M98 330C150 346 250 346 302 330C250 360 150 360 98 338Z'],
    seams: ['M92 318C150 336 250 336 308 318'],
    stitches: [],
    details: [
      `<path d="${ribs.join('')}" fill="none" stroke="{darker}" stroke-width="2" opacity=".28"/>`,
      rib([94, 308], [330, 398], 10),
      '<rect x="222" y="362" width="34" height="22" rx="2" fill="{accent}"/><path d="M228 373h22" stroke="{base}" stroke-width="2"/>',
      '<circle cx="200" cy="92" r="30" fill="{accent}"/><path d="M200 62v60M170 92h60M179 71l42 42M221 71l-42 42M187 66l26 52M213 66l-26 52M174 80l52 24M226 80l-52 24" stroke="{darker}" stroke-width="1.4" opacity=".22"/>',
    ],
  };
}

export function scarf(): Drawing {
  const fringe = (left: number, y: number, count: number, lean: number) =>
    Array.from({ length: count }, (_, index) => {
      const x = left + index * 8;
      return `M${x} ${y + (index % 2)}l${lean} 30`;
    }).join('');
  return {
    pieces: [
      { d: 'M232 150C252 240 262 330 272 430L208 436C208 330 200 240 190 160Z', tone: -0.1 },
      { d: 'M176 160C168 250 150 320 138 404L70 394C92 310 112 230 128 150Z' },
      {
        d: 'M96 132C96 84 146 62 200 62C256 62 306 86 304 134C302 184 254 206 200 206C144 206 96 182 96 132Z',
        tone: 0.03,
      },
      {
        d: 'M132 118C136 98 168 90 200 90C234 90 266 100 268 120C266 138 236 146 200 146C164 146 134 138 132 118Z',
        tone: -0.5,
        plain: true,
        flat: true,
      },
    ],
    folds: [
      'M100 140C120 180 170 192 220 186C270 180 300 160 303 140C300 190 250 206 200 206C144 206 102 184 100 140Z',
      'M104 116C110 92 150 74 200 74C160 84 126 100 118 138Z',
      'M150 200C142 270 128 330 112 398L100 396C122 330 138 260 144 200Z',
      'M226 204C236 280 240 360 244 432L232 434C230 360 224 280 216 206Z',
    ],
    seams: ['M110 156C140 186 260 188 292 156'],
    stitches: [],
    details: [line(fringe(74, 394, 9, -5), 2.2, '{base}', 1), line(fringe(212, 434, 8, 3), 2.2, '{dark}', 1)],
  };
}
