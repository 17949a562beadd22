/** Draws one thing in the middle of a 400×400 picture, in a main and a second colour, as SVG elements. */
type Drawing = (main: string, second: string) => string

const SHADE = 'fill="#000" fill-opacity=".1"'
const LIGHT = 'fill="#fff" fill-opacity=".35"'
const ground = (width: number): string => `<ellipse cx="200" cy="278" rx="${width}" ry="12" ${SHADE}/>`
/** Repeats something at places. */
const at = (places: [x: number, y: number][], draw: (x: number, y: number) => string): string =>
  places.map(([x, y]) => draw(x, y)).join('')
const leaf = (x: number, y: number, turn: number, size = 1): string =>
  `<path transform="translate(${x} ${y}) rotate(${turn}) scale(${size})" d="M0 0C12-24 40-26 58-8C40 10 14 12 0 0Z" fill="#5f8b4c"/>`
const fruit = (x: number, y: number, r: number, main: string): string =>
  `<circle cx="${x}" cy="${y}" r="${r}" fill="${main}"/><path d="M${x} ${y - r}a${r} ${r} 0 0 1 0 ${2 * r}a${r * 1.3} ${r * 1.3} 0 0 0 0-${2 * r}Z" ${SHADE}/><ellipse cx="${x - r * 0.4}" cy="${y - r * 0.42}" rx="${r * 0.24}" ry="${r * 0.16}" transform="rotate(-35 ${x - r * 0.4} ${y - r * 0.42})" ${LIGHT}/>`

const bowl: Drawing = (main, second) =>
  `${ground(92)}<path d="M88 176H312C312 238 268 262 244 264V276H156V264C132 262 88 238 88 176Z" fill="${main}"/><path d="M250 176H312C312 238 268 262 244 264V276H214Q252 240 250 176Z" ${SHADE}/><ellipse cx="200" cy="176" rx="112" ry="26" fill="${second}"/><ellipse cx="200" cy="178" rx="98" ry="19" ${SHADE}/><path d="M92 206Q200 242 308 206L304 220Q200 256 96 220Z" fill="${second}"/>`

/** What the demo catalogue's pictures show. */
export const drawings = {
  wedge: (main, second) =>
    `${ground(120)}<path d="M78 222L292 138Q326 160 324 204L324 268H84Q76 268 76 258Z" fill="${second}"/><path d="M76 222H324V262Q324 268 318 268H84Q76 268 76 258Z" fill="${main}"/><path d="M76 222L292 138Q322 158 324 222Z" fill="${main}"/><path d="M76 222L292 138Q322 158 324 222Z" ${LIGHT}/><path d="M324 222V262Q324 268 318 268H304V222Z" fill="${second}"/>${at(
      [
        [128, 246],
        [188, 240],
        [246, 252],
        [218, 196],
        [272, 178],
      ],
      (x, y) => `<ellipse cx="${x}" cy="${y}" rx="13" ry="9" ${SHADE}/>`,
    )}`,
  round: (main, second) =>
    `${ground(112)}<path d="M92 190V240A108 36 0 0 0 308 240V190Z" fill="${second}"/><path d="M92 190V240A108 36 0 0 0 308 240V190Z" ${SHADE}/><ellipse cx="200" cy="190" rx="108" ry="38" fill="${second}"/><path d="M200 190L306 180A108 38 0 0 1 268 219Z" fill="${main}"/><path d="M200 190L268 219V268Q234 276 200 276Z" fill="${main}"/><path d="M200 190L268 219V268Q234 276 200 276Z" ${LIGHT}/><ellipse cx="160" cy="180" rx="34" ry="8" ${LIGHT}/>`,
  loaf: (main, second) =>
    `${ground(124)}<path d="M76 238C72 168 132 134 200 134S328 168 324 238C322 268 300 276 200 276S78 268 76 238Z" fill="${main}"/><path d="M76 238C78 268 100 276 200 276S322 268 324 238C322 252 290 260 200 260S80 252 76 238Z" ${SHADE}/>${at(
      [
        [128, 0],
        [176, -10],
        [224, -10],
        [272, 0],
      ],
      (x, y) =>
        `<path d="M${x - 16} ${216 + y}Q${x - 8} ${176 + y} ${x + 18} ${164 + y}Q${x + 14} ${200 + y} ${x - 16} ${216 + y}Z" fill="${second}"/>`,
    )}`,
  fougasse: (main, second) =>
    `${ground(112)}<path d="M200 92C262 98 318 190 300 244C292 272 250 276 200 276S108 272 100 244C82 190 138 98 200 92Z" fill="${main}"/><path d="M100 244C108 272 150 276 200 276S292 272 300 244C290 258 250 262 200 262S110 258 100 244Z" ${SHADE}/><path d="M200 124V152M200 182V226M168 154Q150 164 142 184M232 154Q250 164 258 184M166 206Q146 214 138 232M234 206Q254 214 262 232" stroke="#fff" stroke-opacity=".85" stroke-width="15" stroke-linecap="round" fill="none"/>${at(
      [
        [176, 132],
        [224, 136],
        [150, 204],
        [246, 198],
        [180, 240],
        [222, 244],
        [122, 222],
        [276, 216],
      ],
      (x, y) => `<circle cx="${x}" cy="${y}" r="7" fill="${second}"/>`,
    )}`,
  baguette: (main, second) =>
    `${ground(118)}<g transform="rotate(-24 200 200)"><rect x="56" y="164" width="288" height="74" rx="37" fill="${main}"/><path d="M56 204A37 37 0 0 0 93 238H307A37 37 0 0 0 344 204Q300 222 200 222T56 204Z" ${SHADE}/>${at(
      [
        [106, 0],
        [158, 0],
        [210, 0],
        [262, 0],
      ],
      (x) => `<path d="M${x - 16} 214Q${x} 176 ${x + 40} 176Q${x + 26} 208 ${x - 16} 214Z" fill="${second}"/>`,
    )}</g>`,
  croissant: (main, second) =>
    `${ground(116)}<path d="M72 256C64 168 124 122 200 122S336 168 328 256C326 272 306 274 296 258C276 222 244 206 200 206S124 222 104 258C94 274 74 272 72 256Z" fill="${main}"/><path d="M168 126Q150 168 160 212Q180 206 200 206T240 212Q250 168 232 126Q200 118 168 126Z" fill="${second}"/><path d="M112 150Q104 196 122 234Q138 218 160 212Q150 168 168 126Q136 132 112 150Z" ${LIGHT}/><path d="M288 150Q296 196 278 234Q262 218 240 212Q250 168 232 126Q264 132 288 150Z" ${SHADE}/>`,
  tart: (main, second) =>
    `${ground(116)}<path d="M84 202L100 258Q104 272 120 272H280Q296 272 300 258L316 202Z" fill="#c98d4b"/>${at(
      [
        [120, 0],
        [160, 0],
        [200, 0],
        [240, 0],
        [280, 0],
      ],
      (x) => `<path d="M${x} 214V268" stroke="#000" stroke-opacity=".12" stroke-width="5" stroke-linecap="round"/>`,
    )}<ellipse cx="200" cy="202" rx="120" ry="40" fill="#d9a25f"/><ellipse cx="200" cy="198" rx="104" ry="32" fill="${main}"/>${at(
      [
        [140, 194],
        [180, 182],
        [226, 182],
        [264, 196],
        [170, 208],
        [216, 204],
        [240, 216],
        [194, 222],
      ],
      (x, y) =>
        `<ellipse cx="${x}" cy="${y}" rx="15" ry="9" fill="${second}"/><ellipse cx="${x - 4}" cy="${y - 3}" rx="4" ry="2" ${LIGHT}/>`,
    )}`,
  fruits: (main, second) =>
    `${ground(112)}${fruit(146, 220, 54, main)}${fruit(254, 222, 52, main)}${fruit(200, 168, 54, second)}<path d="M200 122Q202 104 214 96" stroke="#6b4a2b" stroke-width="6" fill="none" stroke-linecap="round"/>${leaf(206, 112, -14)}`,
  bunch: (main, second) =>
    `${ground(74)}${at(
      [
        [160, 158],
        [200, 152],
        [240, 158],
        [142, 190],
        [180, 190],
        [220, 190],
        [258, 190],
        [162, 222],
        [200, 224],
        [238, 222],
        [182, 252],
        [218, 252],
      ],
      (x, y) => fruit(x, y, 24, y % 4 === 0 ? second : main),
    )}<path d="M200 138Q198 112 212 100" stroke="#6b4a2b" stroke-width="6" fill="none" stroke-linecap="round"/>${leaf(204, 120, -8)}${leaf(196, 122, 200, 0.8)}`,
  roots: (main, second) =>
    `${ground(96)}${at(
      [
        [-24, 0],
        [0, 0],
        [24, 0],
      ],
      (turn) =>
        `<g transform="rotate(${turn} 200 292)"><path d="M176 158Q200 140 224 158Q222 220 202 276Q200 282 198 276Q178 220 176 158Z" fill="${turn === 0 ? second : main}"/><path d="M184 186h18M206 206h12M188 226h14" stroke="#000" stroke-opacity=".14" stroke-width="4" stroke-linecap="round"/><path d="M200 152C188 130 184 118 186 100M200 152C200 126 200 116 202 94M200 152C212 132 218 120 218 104" stroke="#5f8b4c" stroke-width="8" fill="none" stroke-linecap="round"/></g>`,
    )}`,
  stalks: (main, second) =>
    `${ground(84)}${at(
      [
        [-16, 0],
        [16, 0],
        [-8, 0],
        [8, 0],
        [0, 0],
      ],
      (turn) =>
        `<g transform="rotate(${turn} 200 320)"><rect x="188" y="130" width="24" height="146" rx="12" fill="${turn % 16 === 0 ? main : second}"/><path d="M188 152Q186 112 200 96Q214 112 212 152Q200 164 188 152Z" fill="#5f8b4c"/><path d="M192 176l8-8 8 8M192 202l8-8 8 8" stroke="#000" stroke-opacity=".16" stroke-width="3" fill="none"/></g>`,
    )}<rect x="146" y="222" width="108" height="22" rx="6" fill="#b98a55"/>`,
  jar: (main, second) =>
    `${ground(78)}<rect x="132" y="142" width="136" height="134" rx="24" fill="${main}"/><path d="M244 144Q268 148 268 168V252Q268 276 244 276Z" ${SHADE}/><rect x="146" y="156" width="12" height="92" rx="6" ${LIGHT}/><rect x="140" y="108" width="120" height="36" rx="8" fill="${second}"/><path d="M140 128h120" stroke="#000" stroke-opacity=".14" stroke-width="4"/><rect x="150" y="184" width="100" height="58" rx="6" fill="#fdf8ec"/><path d="M166 204h68M176 220h48" stroke="${second}" stroke-width="6" stroke-linecap="round"/>`,
  butter: (main, second) =>
    `${ground(124)}<path d="M72 246H328Q322 274 292 274H108Q78 274 72 246Z" fill="#e8e6df"/><ellipse cx="200" cy="246" rx="128" ry="16" fill="#fffdf7"/><path d="M110 176L146 146H302L284 178V246Q284 250 280 250H114Q110 250 110 246Z" fill="${second}"/><path d="M110 176L146 146H302L274 176Z" fill="#fff" fill-opacity=".55"/><rect x="110" y="176" width="166" height="74" rx="3" fill="${main}"/><path d="M166 176V250M222 176V250" stroke="${second}" stroke-width="3" stroke-dasharray="3 7" stroke-linecap="round"/><path d="M124 190v40" stroke="#fff" stroke-opacity=".6" stroke-width="8" stroke-linecap="round"/>`,
  tin: (main, second) =>
    `${ground(112)}<path d="M88 186V244A112 32 0 0 0 312 244V186Z" fill="${main}"/><path d="M88 186V244A112 32 0 0 0 150 269V212Z" ${LIGHT}/><path d="M250 212V269A112 32 0 0 0 312 244V186Z" ${SHADE}/><path d="M88 206A112 32 0 0 0 312 206V226A112 32 0 0 1 88 226Z" fill="${second}"/><ellipse cx="200" cy="184" rx="112" ry="34" fill="#d9dcd8"/><ellipse cx="200" cy="184" rx="92" ry="25" fill="#c3c8c4"/><path d="M176 182a24 9 0 1 1 24 9l-4 12" stroke="#8e9692" stroke-width="6" fill="none" stroke-linecap="round"/>`,
  bottle: (main, second) =>
    `${ground(56)}<path d="M180 96H220V136C220 158 248 162 248 194V258Q248 276 230 276H170Q152 276 152 258V194C152 162 180 158 180 136Z" fill="${main}"/><path d="M220 136C220 158 248 162 248 194V258Q248 276 230 276H222V96Z" ${SHADE}/><rect x="164" y="188" width="9" height="66" rx="4.5" ${LIGHT}/><rect x="176" y="88" width="48" height="34" rx="5" fill="${second}"/><rect x="152" y="200" width="96" height="52" fill="#fdf8ec"/><path d="M170 218h60M180 234h40" stroke="${second}" stroke-width="5" stroke-linecap="round"/>`,
  cruet: (main, second) =>
    `${ground(62)}<path d="M186 112H214V142Q256 160 256 204V250Q256 276 230 276H170Q144 276 144 250V204Q144 160 186 142Z" fill="#e9efe6"/><path d="M150 194Q200 180 250 194Q256 198 256 206V250Q256 276 230 276H170Q144 276 144 250V206Q144 198 150 194Z" fill="${main}"/><path d="M226 276H230Q256 276 256 250V206Q256 176 236 158Z" ${SHADE}/><rect x="158" y="190" width="10" height="60" rx="5" ${LIGHT}/><rect x="182" y="88" width="36" height="28" rx="6" fill="${second}"/>${leaf(206, 238, -160, 0.8)}${leaf(196, 244, -24, 0.8)}`,
  sausage: (main, second) =>
    `${ground(116)}<g transform="rotate(-20 200 204)"><rect x="76" y="166" width="224" height="78" rx="39" fill="${main}"/><path d="M76 212A39 39 0 0 0 115 244H262V228Q160 232 76 212Z" ${SHADE}/><path d="M96 184q40-10 96-8" stroke="#fff" stroke-opacity=".4" stroke-width="8" stroke-linecap="round" fill="none"/><path d="M76 205h-22M54 205l-12-10M54 205l-12 10" stroke="#b98a55" stroke-width="7" stroke-linecap="round"/><ellipse cx="288" cy="205" rx="26" ry="39" fill="${second}"/>${at(
      [
        [282, 186],
        [296, 202],
        [280, 212],
        [292, 226],
      ],
      (x, y) => `<circle cx="${x}" cy="${y}" r="4.5" fill="#fbe9df"/>`,
    )}</g>`,
  ham: (main, second) =>
    `${ground(112)}<path d="M92 214C84 158 138 124 206 132C262 138 300 166 302 210C304 254 258 278 192 274C132 270 98 252 92 214Z" fill="${second}"/><path d="M110 212C106 170 148 144 204 150C252 154 282 178 284 210C284 242 248 260 192 256C144 254 114 240 110 212Z" fill="${main}"/><circle cx="224" cy="200" r="22" fill="#fbe9df"/><circle cx="224" cy="200" r="11" fill="#e6c6b4"/><path d="M132 208q22-34 62-34M136 226q26 18 66 16" stroke="#fff" stroke-opacity=".45" stroke-width="6" fill="none" stroke-linecap="round"/><path d="M296 178L330 152" stroke="#f3e6d6" stroke-width="16" stroke-linecap="round"/><circle cx="332" cy="146" r="11" fill="#f3e6d6"/><circle cx="340" cy="156" r="10" fill="#f3e6d6"/>`,
  terrine: (main, second) =>
    `${ground(120)}<path d="M84 186H316L300 258Q296 272 280 272H120Q104 272 100 258Z" fill="${second}"/><path d="M262 186H316L300 258Q296 272 280 272H250Z" ${SHADE}/><rect x="64" y="178" width="272" height="24" rx="12" fill="${second}"/><rect x="64" y="178" width="272" height="24" rx="12" ${LIGHT}/><path d="M88 178Q92 142 200 140T312 178Z" fill="${main}"/>${at(
      [
        [132, 166],
        [172, 156],
        [228, 158],
        [270, 168],
        [202, 168],
      ],
      (x, y) => `<circle cx="${x}" cy="${y}" r="5" fill="#fff" fill-opacity=".5"/>`,
    )}${leaf(186, 148, -30, 0.7)}${leaf(206, 146, -10, 0.7)}`,
  fish: (main, second) =>
    `${ground(112)}<path d="M276 204L336 156Q328 204 336 252Z" fill="${second}"/><path d="M58 208C92 148 180 132 252 176Q276 190 290 204Q276 220 252 232C180 276 92 266 58 208Z" fill="${main}"/><path d="M58 208C92 266 180 276 252 232Q276 220 290 204Q180 236 58 208Z" fill="#fff" fill-opacity=".4"/><path d="M178 148Q204 122 236 140L226 162Z" fill="${second}"/><path d="M132 168Q152 206 130 246" stroke="#000" stroke-opacity=".2" stroke-width="5" fill="none" stroke-linecap="round"/>${at(
      [
        [174, 190],
        [206, 184],
        [238, 192],
        [190, 212],
        [222, 212],
      ],
      (x, y) =>
        `<path d="M${x} ${y}q12 10 0 20" stroke="${second}" stroke-width="4" fill="none" stroke-linecap="round"/>`,
    )}<circle cx="102" cy="196" r="9" fill="#fff"/><circle cx="101" cy="196" r="5" fill="#25302f"/>`,
  shell: (main, second) =>
    `${ground(108)}<path d="M200 266C176 266 172 256 160 250C104 228 82 178 112 142C134 116 168 126 200 112C232 126 266 116 288 142C318 178 296 228 240 250C228 256 224 266 200 266Z" fill="${main}"/>${at(
      [
        [116, 158],
        [150, 132],
        [200, 122],
        [250, 132],
        [284, 158],
      ],
      (x, y) =>
        `<path d="M200 252Q${(x + 200) / 2} 220 ${x} ${y}" stroke="${second}" stroke-width="7" fill="none" stroke-linecap="round"/>`,
    )}<path d="M164 240H236L226 266H174Z" fill="${second}"/>`,
  prawns: (main, second) =>
    `${ground(100)}${at(
      [
        [-10, -22],
        [24, 22],
      ],
      (x, y) =>
        `<g transform="translate(${x} ${y})"><path d="M118 216C120 158 168 126 220 140C262 152 276 186 262 216L242 206C248 182 232 168 208 168C180 168 160 188 158 222Z" fill="${main}"/><path d="M158 152l14 22M192 138l6 28M230 144l-10 24M256 168l-18 12" stroke="${second}" stroke-width="5"/><path d="M118 216l-18 24 24-4 14 18 20-32Z" fill="${second}"/><circle cx="252" cy="192" r="5" fill="#25302f"/><path d="M260 206q26 16 46 4M258 214q14 28 36 28" stroke="${second}" stroke-width="4" fill="none" stroke-linecap="round"/></g>`,
    )}`,
  knife: (main, second) =>
    `${ground(110)}<g transform="rotate(-32 200 200)"><path d="M44 196Q120 160 222 176V220H96Q62 220 44 196Z" fill="#d5dcdd"/><path d="M44 196Q62 220 96 220H222V206Q120 212 44 196Z" fill="#fff" fill-opacity=".7"/><rect x="218" y="172" width="14" height="52" rx="3" fill="${second}"/><path d="M232 176H318Q344 178 344 198T320 220Q272 212 232 220Z" fill="${main}"/>${at(
      [
        [254, 196],
        [284, 196],
        [314, 197],
      ],
      (x, y) => `<circle cx="${x}" cy="${y}" r="5" fill="${second}"/>`,
    )}</g>`,
  plate: (main, second) =>
    `<ellipse cx="200" cy="204" rx="118" ry="86" ${SHADE}/><ellipse cx="200" cy="196" rx="118" ry="86" fill="#fffdf7"/><ellipse cx="200" cy="196" rx="108" ry="78" fill="none" stroke="${main}" stroke-width="9"/><ellipse cx="200" cy="198" rx="72" ry="50" fill="none" stroke="#000" stroke-opacity=".08" stroke-width="4"/>${at(
      [
        [200, 126],
        [128, 152],
        [272, 152],
        [104, 204],
        [296, 204],
        [138, 248],
        [262, 248],
        [200, 266],
      ],
      (x, y) => `<circle cx="${x}" cy="${y}" r="8" fill="${second}"/>`,
    )}`,
  bowl,
  eared: (main, second) =>
    `<path d="M92 182H58Q50 206 78 218L100 216ZM308 182H342Q350 206 322 218L300 216Z" fill="${second}"/>${bowl(main, second)}`,
  pot: (main, second) =>
    `${ground(116)}<path d="M92 186H308V240Q308 274 272 274H128Q92 274 92 240Z" fill="${main}"/><path d="M262 186H308V240Q308 274 272 274H246Z" ${SHADE}/><rect x="108" y="198" width="12" height="48" rx="6" ${LIGHT}/><path d="M92 204H66q-10 0-10 12t10 12H92M308 204h26q10 0 10 12t-10 12H308" fill="none" stroke="${main}" stroke-width="13"/><path d="M84 186Q92 146 200 144T316 186Z" fill="${main}"/><path d="M84 186Q92 146 200 144T316 186Z" ${LIGHT}/><rect x="78" y="180" width="244" height="16" rx="8" fill="${main}"/><rect x="78" y="180" width="244" height="16" rx="8" ${SHADE}/><path d="M190 146V132H210V146Z" fill="${second}"/><ellipse cx="200" cy="126" rx="24" ry="11" fill="${second}"/>`,
  glass: (main, second) =>
    `${ground(84)}${at(
      [
        [-58, 0],
        [58, 0],
      ],
      (x) =>
        `<g transform="translate(${x} 0)"><path d="M150 112H250C254 168 244 206 200 208C156 206 146 168 150 112Z" fill="#eef4f2"/><path d="M151 150Q200 160 249 150C248 186 234 206 200 208C166 206 152 186 151 150Z" fill="${main}"/><path d="M164 122q-2 40 12 66" stroke="#fff" stroke-opacity=".8" stroke-width="7" fill="none" stroke-linecap="round"/><rect x="195" y="206" width="10" height="58" fill="${second}"/><ellipse cx="200" cy="268" rx="42" ry="9" fill="${second}"/></g>`,
    )}`,
  cloth: (main, second) =>
    `${ground(104)}<path d="M104 142Q110 128 126 130L300 138Q312 140 310 154L298 262Q296 274 282 274L112 270Q96 270 97 254Z" fill="#fbf7ec"/><path d="M124 130L118 270H142L148 131ZM274 137L262 273H284L296 138Z" fill="${main}"/><path d="M102 166L308 174V196L100 188Z" fill="${second}" fill-opacity=".75"/><path d="M97 250L299 254L298 262Q296 274 282 274L112 270Q96 270 97 254Z" ${SHADE}/>`,
  board: (main, second) =>
    `${ground(120)}<g transform="rotate(-8 200 210)"><rect x="76" y="156" width="212" height="108" rx="22" fill="${main}"/><path d="M282 190H322Q340 190 340 210T322 230H282Z" fill="${main}"/><circle cx="322" cy="210" r="8" fill="#fff" fill-opacity=".6"/><path d="M98 184q80-12 168 2M98 212q86 10 170-2M100 238q70-8 160 4" stroke="${second}" stroke-width="5" fill="none" stroke-linecap="round"/><rect x="76" y="250" width="212" height="14" rx="7" ${SHADE}/></g>`,
} satisfies Record<string, Drawing>

export type Drawn = keyof typeof drawings
