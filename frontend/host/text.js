/** How large the reader's browser writes: 1 is usual, 2 is text of twice that size. Style sheets say it with rem; what is drawn or measured in px is multiplied by it. */
export const EM = typeof document === "undefined" ? 1 : parseFloat(getComputedStyle(document.documentElement).fontSize) / 16 || 1;
