/**
 * Telling answers of S3 from those of something else that listens at the endpoint: the page of a proxy, of a console, of
 * whoever wants to know who one is. All of these say 200 as well, and without a key in them are an empty listing.
 *
 * @module
 */

import { NoS3Error } from "./s3_errors.ts";

/** What is known of a request. */
export interface S3Request {
  /** The method of HTTP. */
  readonly method: string;
  /** The query of its URL. */
  readonly query?: Readonly<Record<string, unknown>> | undefined;
}

/** What is known of its answer. */
export interface S3RawAnswer {
  /** The status of HTTP. */
  readonly statusCode: number;
  /** The headers, with names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** How much of an answer is looked at, and at most shown, in characters. */
const [LOOKED_AT, SHOWN] = [4096, 60];

/**
 * Makes sure that it was S3 that answered, as far as that can be told from one answer.
 *
 * @param request What was asked for.
 * @param answer The answer.
 * @param body What it says; undefined if that is not known yet.
 * @throws {NoS3Error} If it was something else.
 */
export function checkAnswer(request: S3Request, answer: S3RawAnswer, body?: Uint8Array): void {
  const { statusCode, headers } = answer;
  if (statusCode < 200 || statusCode > 299) return; // errors are none of absence, or are asked about
  const { method, query = {} } = request;
  const wanted = rootOf(method, query);
  if (wanted !== undefined && body !== undefined) {
    const text = new TextDecoder().decode(body.subarray(0, LOOKED_AT));
    if (elementOf(text) !== wanted) throw new NoS3Error(excerpt(text));
  }
  const stores = method === "PUT" && /^(PutObject|UploadPart)$/.test(String(query["x-id"]));
  if (stores && headers.etag === undefined) throw new NoS3Error("it gives what is stored no ETag");
  if (method === "DELETE" && headers["content-type"]?.startsWith("text/html")) {
    throw new NoS3Error("it answers with a page");
  }
}

/** The element that an answer consists of. */
function rootOf(method: string, query: Readonly<Record<string, unknown>>): string | undefined {
  if (method === "GET" && "list-type" in query) return "ListBucketResult";
  if (method === "GET" && "uploads" in query) return "ListMultipartUploadsResult";
  if (method === "POST" && "uploads" in query) return "InitiateMultipartUploadResult";
  return undefined;
}

/** The first element of XML, without the prefix of its namespace. */
function elementOf(text: string): string | undefined {
  return /^(?:\s|<\?[^>]*>|<!--.*?-->)*<(?:[\w.-]+:)?([\w.-]+)[\s/>]/s.exec(text)?.[1];
}

function excerpt(text: string): string {
  const line = text.slice(0, SHOWN).replaceAll(/\s+/g, " ").trim();
  return line === "" ? "it says nothing" : `it says ${JSON.stringify(line)}`;
}
