/** What of a difference sampling alone may make, as the server judges it. Pure. */

/**
 * Whether a player's difference is within noise. What is exact, or of unknown error, is not said to be noise.
 * @param {number | undefined} real  1 where the server calls the difference real; undefined before it did
 * @param {number} error  standard error of the difference
 */
export const isNoise = (real, error) => error > 0 && real === 0;
