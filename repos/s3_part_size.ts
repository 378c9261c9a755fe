/**
 * The line between small and large values in S3.
 *
 * @module
 */

/**
 * How large a part is, in bytes; what is no larger is written in one request. Smaller ones would be many: there are
 * servers that cannot put a thousand together.
 */
export const PART_SIZE = 8 * 1024 * 1024;
