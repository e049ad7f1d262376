/** Whether sampling error alone can explain a difference, as decided by the server. Pure. */

/**
 * Whether a player's difference is within noise. An exact difference, or one of unknown error, never is.
 * @param {number | undefined} real  1 if the server calls the difference real; undefined before its reply
 * @param {number} error  standard error of the difference
 */
export const isNoise = (real, error) => error > 0 && real === 0;
