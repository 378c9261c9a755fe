/**
 * Errors on their way from one thread or process to another.
 *
 * @module
 */

import { DataError, JobError, JobIdError, NotFoundError, StoreError } from "../lib/errors.ts";
import type { FailureClass } from "../lib/errors.ts";

/** An error in a form that can be sent. What was thrown and is none is sent as its text. */
export interface SentError {
  /** Its name. */
  readonly name: string;
  /** Its message. */
  readonly message: string;
  /** Where it was thrown. */
  readonly stack: string | undefined;
  /** What `JobError` has besides. */
  readonly class?: FailureClass;
  /** What `JobIdError` and `NotFoundError` have besides. */
  readonly job?: string;
  /** What lies beneath. */
  readonly cause?: SentError;
}

/** How deep causes are followed. */
const DEPTH = 8;

/**
 * Makes an error ready to be sent.
 *
 * @param error What was thrown.
 * @returns What to send.
 */
export function sendError(error: unknown, depth = 0): SentError {
  if (!(error instanceof Error)) {
    return { name: "Error", message: Deno.inspect(error, { compact: true }), stack: undefined };
  }
  const { name, message, stack, cause } = error;
  return {
    name,
    message,
    stack,
    ...error instanceof JobError && { class: error.class },
    ...(error instanceof JobIdError || error instanceof NotFoundError) && { job: error.job },
    ...cause !== undefined && depth < DEPTH && { cause: sendError(cause, depth + 1) },
  };
}

/**
 * Makes the error anew that was sent: of the same class, if it is one of this library's.
 *
 * @param sent What was sent.
 * @returns The error, with the stack of the one that was thrown.
 */
export function receiveError(sent: SentError): Error {
  const error = make(sent);
  error.name = sent.name;
  error.message = sent.message;
  if (sent.stack !== undefined) error.stack = sent.stack;
  return error;
}

function make({ name, message, class: failureClass, job = "", cause }: SentError): Error {
  const options = cause === undefined ? {} : { cause: receiveError(cause) };
  switch (name) {
    case "JobError":
      return new JobError(message, { ...options, class: failureClass ?? "user" });
    case "JobIdError":
      return new JobIdError(job);
    case "NotFoundError":
      return new NotFoundError(job, "", options);
    case "StoreError":
      return new StoreError(message, options);
    case "DataError":
      return new DataError(message, options);
    default:
      return new Error(message, options);
  }
}
