/** Draws what a program printed to a terminal as an SVG: `program | node scripts/terminal-svg.ts TITLE >picture.svg`. Knows bold, dim and the eight colours. */
import { text } from 'node:stream/consumers';

interface Style {
  bold: boolean;
  dim: boolean;
  colour: string | undefined;
}

const colours: Readonly<Record<string, string>> = {
  31: '#ff7b72',
  32: '#7ee787',
  33: '#e3b341',
  34: '#79c0ff',
  35: '#d2a8ff',
  36: '#56d4dd',
};
const plain: Style = { bold: false, dim: false, colour: undefined };
const cell = { width: 8.4, height: 18 };
const margin = { left: 16, top: 44, bottom: 16 };

function escapeXml(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** What one SGR parameter list (`ESC [ … m`, ECMA-48 8.3.117) makes of a style. */
function applySgr(style: Style, parameters: string): Style {
  let next = style;
  for (const code of parameters.split(';')) {
    if (code === '' || code === '0') next = plain;
    else if (code === '1') next = { ...next, bold: true };
    else if (code === '2') next = { ...next, dim: true };
    else if (code === '22') next = { ...next, bold: false, dim: false };
    else if (code === '39') next = { ...next, colour: undefined };
    else next = { ...next, colour: colours[code] ?? next.colour };
  }
  return next;
}

function span(part: string, style: Style): string {
  const attributes = [
    style.bold ? ' font-weight="bold"' : '',
    style.dim ? ' opacity="0.6"' : '',
    style.colour === undefined ? '' : ` fill="${style.colour}"`,
  ].join('');
  return `<tspan${attributes}>${escapeXml(part)}</tspan>`;
}

/** One line of text into spans; the style goes on into the next line. */
function drawLine(line: string, from: Style): { svg: string; style: Style } {
  let style = from;
  let svg = '';
  const introducer = '\u001b';
  for (const [index, piece] of line.split(`${introducer}[`).entries()) {
    const sgr = index === 0 ? null : /^([\d;]*)m/.exec(piece);
    if (sgr !== null) style = applySgr(style, sgr[1] ?? '');
    const visible = sgr === null ? (index === 0 ? piece : '') : piece.slice(sgr[0].length);
    if (visible !== '') svg += span(visible, style);
  }
  return { svg, style };
}

const lines = (await text(process.stdin)).replaceAll('\r', '').trim().split('\n');
const columns = Math.max(
  ...lines.map(
    (line) =>
      line
        .split('\u001b')
        .map((piece, index) => (index === 0 ? piece : piece.replace(/^\[[\d;]*m/, '')))
        .join('').length,
  ),
);
const width = Math.ceil(columns * cell.width + 2 * margin.left);
const height = Math.ceil(lines.length * cell.height + margin.top + margin.bottom);
let style = plain;
const rows = lines.map((line, index) => {
  const drawn = drawLine(line, style);
  style = drawn.style;
  return `<text x="${margin.left}" y="${margin.top + (index + 0.8) * cell.height}">${drawn.svg}</text>`;
});
process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<circle cx="20" cy="20" r="6" fill="#ff5f56"/><circle cx="40" cy="20" r="6" fill="#ffbd2e"/><circle cx="60" cy="20" r="6" fill="#27c93f"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#8b949e"><text x="50%" y="25" text-anchor="middle">${escapeXml(process.argv[2] ?? '')}</text></g>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#e6edf3" xml:space="preserve">
${rows.join('\n')}
</g>
</svg>
`);
