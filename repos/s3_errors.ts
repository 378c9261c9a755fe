/**
 * Errors of S3, in words that say what to do.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";
import type { S3Head } from "./s3_api.ts";

/** What happened and what to do next, by the code of S3, of the SDK or of the operating system. */
const EXPLANATIONS: Readonly<Record<string, readonly [happened: string, next: string]>> = {
  AccessDenied: ["access is denied", "give these credentials the right to it"],
  AuthorizationHeaderMalformed: ["the region is wrong", "set the region of the bucket"],
  BucketAlreadyExists: ["the bucket belongs to somebody else", "use another name"],
  CredentialsProviderError: [
    "there are no credentials",
    "give them as an option, or as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
  ],
  ECONNREFUSED: ["nothing listens at the endpoint", "start the server or correct the endpoint"],
  ECONNRESET: ["the connection broke off", "see that the server runs, and try again"],
  ENOTFOUND: ["there is no such host", "correct the endpoint"],
  NoS3Error: ["what answers there is no S3", "check the endpoint"],
  EntityTooLarge: ["the value is larger than the server takes", "store it in several"],
  ExpiredToken: ["the credentials have expired", "get new ones"],
  IllegalLocationConstraintException: ["the region is wrong", "set the region of the bucket"],
  InvalidAccessKeyId: ["there is no such access key", "correct the credentials"],
  InvalidBucketName: ["a bucket cannot have this name", "correct it"],
  NoSuchBucket: ["there is no such bucket", "create it or correct its name"],
  NoSuchUpload: ["the upload was taken for dead", "write it again"],
  NotImplemented: ["the server cannot do this", "use another one"],
  PermanentRedirect: ["the bucket is in another region", "set its region and endpoint"],
  RequestTimeTooSkewed: [
    "the clocks of this machine and of the server differ",
    "set the one that is wrong",
  ],
  SignatureDoesNotMatch: ["the secret key is wrong", "correct the credentials"],
  SlowDown: ["the server is overloaded", "do less at once, or try again later"],
  TimeoutError: [
    "the server did not answer in time",
    "see that it runs, or allow it more time",
  ],
};

/** The same, by the status of HTTP: an answer to HEAD has no code. */
const STATUSES: Readonly<Record<number, readonly [happened: string, next: string]>> = {
  301: EXPLANATIONS.PermanentRedirect!,
  307: EXPLANATIONS.PermanentRedirect!,
  400: ["the server refuses the request", "check the region and the endpoint"],
  403: ["access is denied", "check the credentials and what they may do"],
  412: ["the value was replaced meanwhile", "try again"],
  501: EXPLANATIONS.NotImplemented!,
  503: EXPLANATIONS.SlowDown!,
};

/** The same, by what the SDK says where it has no code. */
const MESSAGES: readonly (readonly [said: RegExp, happened: string, next: string])[] = [
  [
    /^Region is missing/,
    "no region or endpoint is known",
    "set AWS_REGION or AWS_ENDPOINT_URL, or give one of them as an option",
  ],
  [
    /^Invalid URL|was not a valid URI/,
    "the endpoint is no URL",
    "begin it with http:// or https://, then the host",
  ],
];

/**
 * The error to throw for one that a client of S3 threw.
 *
 * @param doing What was being done and to what, as it goes on from "Cannot".
 * @param error What was thrown.
 * @returns A `StoreError`, with what was thrown as its cause.
 */
export function s3Error(doing: string, error: unknown): StoreError {
  const code = codeOf(error);
  const status = statusOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const said = MESSAGES.find(([said]) => said.test(message));
  const [happened, next] = EXPLANATIONS[code] ?? said?.slice(1) ?? STATUSES[status ?? 0] ??
    [message, "see that the server works, and try again"];
  const words = error instanceof NoS3Error || said !== undefined
    ? [message]
    : [status, NAMELESS.has(code) ? undefined : code];
  const answer = words.filter((word) => word !== undefined);
  const told = answer.length > 0 ? ` (${answer.join(" ")})` : "";
  return new StoreError(`Cannot ${doing}: ${happened}${told}; ${next}`, { cause: error });
}

/** Something answered as if it were S3, and is not. */
export class NoS3Error extends Error {
  /** `"NoS3Error"`. */
  override name = "NoS3Error";
}

/**
 * Makes sure that an answer which says that an object is there comes from S3, which always tells its entity tag.
 *
 * @param answer The answer.
 * @returns The same.
 * @throws {NoS3Error} If it tells none.
 */
export function requireObject<Answer extends S3Head>(answer: Answer): Answer {
  if (answer.ETag === undefined) throw new NoS3Error("what it says is there has no ETag");
  return answer;
}

/** Names of errors that tell nothing. */
const NAMELESS: ReadonlySet<string> = new Set(["Error", "Unknown", "UnknownError", ""]);

/**
 * What an error is called.
 *
 * @param error What was thrown.
 * @returns The code of S3, such as `NoSuchKey`, or that of the system, such as `ECONNREFUSED`.
 */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return error.name === "Error" && code !== "" ? code : error.name;
}

/**
 * The status that the server answered with.
 *
 * @param error What was thrown.
 * @returns The status; undefined if there was no answer.
 */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("$metadata" in error)) return undefined;
  const { $metadata: metadata } = error;
  if (typeof metadata !== "object" || metadata === null || !("httpStatusCode" in metadata)) {
    return undefined;
  }
  return typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : undefined;
}
