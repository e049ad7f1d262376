/** What the page uses of gifenc, which publishes no types. */

/** [red, green, blue] of each entry */
export type Palette = number[][];

export interface Frame {
  /** of the first frame: that of all */
  palette?: Palette;
  /** milliseconds */
  delay?: number;
  /** 0 for ever; of the first frame */
  repeat?: number;
  transparent?: boolean;
  transparentIndex?: number;
  /** 1 keeps what was drawn below the next frame */
  dispose?: number;
}

export function GIFEncoder(): {
  writeFrame(index: Uint8Array, width: number, height: number, frame: Frame): void;
  finish(): void;
  bytes(): Uint8Array<ArrayBuffer>;
};
export function quantize(rgba: Uint8Array, most: number): Palette;
export function nearestColorIndex(palette: Palette, color: number[]): number;
