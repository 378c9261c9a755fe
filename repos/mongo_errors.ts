/**
 * Errors of MongoDB, in words that say what to do.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";

type Explanation = readonly [happened: string, next: string];

const DENIED: Explanation = ["access is denied", "give this user the right to it"];
const LOGIN: Explanation = ["the login failed", "correct user, password and authSource in the URL"];
const SILENT: Explanation = [
  "the server did not answer in time",
  "see that it runs, or allow it more time",
];
const BROKEN: Explanation = ["the connection broke off", "see that the server runs, and try again"];
const CLOSED: Explanation = [
  "its client is not connected",
  "connect it before, and close it with the session",
];
const UNSAFE: Explanation = [
  "too few servers have confirmed the write, which may be lost or not",
  "see that the others run, and try again",
];
const STEPPED: Explanation = [
  "the server is going down, or no longer the one to write to",
  "try again",
];

/** What happened and what to do next, by the code of the server, the name of the driver or that of the system. */
const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  13: DENIED,
  18: LOGIN,
  26: ["there is no such collection", "correct its name, or let who writes to it make it"],
  64: UNSAFE,
  73: ["the name of the database or collection is not valid", "correct it"],
  91: STEPPED,
  100: UNSAFE,
  8000: LOGIN, // as hosted services say it
  10107: STEPPED,
  11600: STEPPED,
  11602: STEPPED,
  ECONNREFUSED: ["nothing listens there", "start the server or correct the URL"],
  ECONNRESET: BROKEN,
  ENOTFOUND: ["there is no such host", "correct the URL"],
  EPIPE: BROKEN,
  ETIMEDOUT: SILENT,
  MongoClientClosedError: CLOSED,
  MongoMissingCredentialsError: LOGIN,
  MongoNetworkError: BROKEN,
  MongoNetworkTimeoutError: SILENT,
  MongoNotConnectedError: CLOSED,
  MongoTopologyClosedError: CLOSED,
};

/**
 * The error to throw for one that a collection threw.
 *
 * @param doing What was being done and to what, as it goes on from "Cannot".
 * @param error What was thrown.
 * @returns A `StoreError`, with what was thrown as its cause.
 */
export function mongoError(doing: string, error: unknown): StoreError {
  const [happened, next] = explanationOf(error) ?? [
    error instanceof Error ? error.message : String(error),
    "see that the server works, and try again",
  ];
  return new StoreError(`Cannot ${doing}: ${happened}; ${next}`, { cause: error });
}

/**
 * The code of an error.
 *
 * @param error What was thrown.
 * @returns The number that the server gives to it, or the code of the system; undefined if there is none.
 */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** Of the innermost error that can be explained: those around it say that a server was looked for in vain. */
function explanationOf(error: unknown): Explanation | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = codeOf(error);
  return explanationOf(error.cause) ?? EXPLANATIONS[String(code)] ?? EXPLANATIONS[error.name];
}
