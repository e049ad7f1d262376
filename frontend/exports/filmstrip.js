/** The selected probe at all epochs on one sheet, as PNG. */

import { thin } from "../figures/thinning.js";
import { frameLabel, isOnce } from "../model/frames.js";
import { caption, legendWords, lines, sidesOf, title } from "./captions.js";
import { fileName } from "./file.js";
import { filmGrid } from "./grid.js";
import { boxOf, createPainter } from "./pictures.js";
import { LEGEND, createSheet, png, readTheme } from "./sheet.js";

// Pixels of a unit: print and high-density screens.
const SCALE = 2;
const MOST_FRAMES = 60;
const MARGIN = 16;
const MOST_NAME = 150;
const LINE = 17;

/** @type {import("./file.js").Export} */
export async function filmstrip({ data, state }) {
  const sides = sidesOf(data);
  const thinned = thin(data.cursor.steps, MOST_FRAMES);
  const grid = filmGrid(thinned.places.length, sides.length, (size) => boxOf(data, size));
  const sheet = createSheet(SCALE, readTheme());
  const { theme } = sheet;
  const name = (/** @type {import("../types.d.ts").Side} */ { letter, label }) => (data.b ? `${letter} ${label}` : label);
  const names = Math.min(MOST_NAME, Math.max(...sides.map((side) => sheet.measure(name(side), { bold: true }))));
  const left = MARGIN + names + 12;
  const colored = state.view !== "image";
  const width = Math.max(left + grid.width + MARGIN, 2 * LEGEND.width + 200);
  const room = width - 2 * MARGIN - (colored ? LEGEND.width + 24 : 0);
  const written = lines(caption(data, state, thinned), room, (text) => sheet.measure(text));
  const head = Math.max(20 + written.length * LINE, colored ? LEGEND.height : 0) + 14;

  sheet.resize(width, MARGIN + head + grid.height + MARGIN - 6);
  sheet.clear();
  sheet.text(title(data), MARGIN, MARGIN + 12, { size: 15, bold: true, room });
  written.forEach((line, i) => sheet.text(line, MARGIN, MARGIN + 32 + i * LINE, { color: theme.muted }));
  if (colored) sheet.legend(width - MARGIN - LEGEND.width, MARGIN, legendWords(data, state.lock), state.dark);

  const top = MARGIN + head;
  const painter = createPainter(data, state, grid.size * SCALE, false);
  for (let line = 0; line < grid.lines; line++) {
    sides.forEach((side, row) => sheet.text(name(side), MARGIN, top + grid.middle(line, row) + 4, { bold: true, color: side.color, room: names + 1 }));
  }
  thinned.places.forEach((place, i) => {
    sides.forEach((side, row) => {
      // A model that was explained once is the same at every epoch.
      if (isOnce(side) && i > 0) return;
      const { x, y } = grid.place(i, row);
      sheet.picture(painter.of(side, place), left + x, top + y, grid.frame);
    });
    const { x, y } = grid.label(i);
    sheet.text(frameLabel(data.cursor, sides, place), left + x, top + y, { size: 11, color: theme.muted, align: "center" });
  });
  return { blob: await png(sheet.canvas), name: fileName(data, "filmstrip", "png") };
}
