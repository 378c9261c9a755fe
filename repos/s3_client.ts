/**
 * Makes clients of S3, by the AWS SDK, which is loaded when the first one is made.
 *
 * @module
 */

import type { S3Client } from "./s3_api.ts";
import { S3RequestHandler } from "./s3_request_handler.ts";

export type * from "./s3_api.ts";

/** Who asks. */
export interface S3Credentials {
  /** The name of the key. */
  readonly accessKeyId: string;
  /** The secret that belongs to it. */
  readonly secretAccessKey: string;
  /** What temporary credentials have besides. */
  readonly sessionToken?: string | undefined;
  /** When they expire. */
  readonly expiration?: Date | undefined;
}

/** How long a client waits. All times are in milliseconds. */
export interface S3Timeouts {
  /**
   * For the beginning of an answer, and for what is sent to go on. Twenty times as long for the end of an upload in
   * parts, which some servers answer when they have put the parts together.
   *
   * @default {60000}
   */
  readonly requestTimeout?: number | undefined;
  /**
   * For the next bytes of an answer that has begun.
   *
   * @default {requestTimeout}
   */
  readonly socketTimeout?: number | undefined;
  /** Other options of the handlers of the SDK have no meaning here. */
  readonly [option: string]: unknown;
}

/** Options of {@linkcode s3Client}, by the names of the AWS SDK, which is handed on whatever else is given. */
export interface S3ClientOptions {
  /**
   * The URL of the server. `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` of the environment, if it is not given; that of AWS,
   * if they are not set.
   */
  readonly endpoint?: string | undefined;
  /**
   * The region. `AWS_REGION` or `AWS_DEFAULT_REGION` of the environment or that of the profile, if it is not given; for an
   * endpoint that is not of AWS, `us-east-1` if there is none.
   */
  readonly region?: string | undefined;
  /**
   * Who asks, or a function that tells it and is asked again before they expire. Those of `AWS_ACCESS_KEY_ID` and
   * `AWS_SECRET_ACCESS_KEY`, of the profile or of the machine, if it is not given.
   */
  readonly credentials?: S3Credentials | (() => Promise<S3Credentials>) | undefined;
  /**
   * Whether the bucket is a part of the path, and not of the host.
   *
   * @default {true if there is an endpoint}
   */
  readonly forcePathStyle?: boolean | undefined;
  /**
   * How often a request is sent at most: again when it was not answered, or with a status of 5xx or 429, behind a growing
   * random delay. A budget that all requests share ends this when the server fails most of them.
   *
   * @default {5}
   */
  readonly maxAttempts?: number | undefined;
  /** How long to wait. */
  readonly requestHandler?: S3Timeouts | undefined;
  /** Any other option of the SDK's class `S3`. */
  readonly [option: string]: unknown;
}

/** How many times as long as for another request is waited for the end of an upload in parts. */
const COMPLETION = 20;

/** A client with connections that have to be closed. */
export interface OpenS3Client extends S3Client, Disposable {
  /** Closes the connections. */
  destroy(): void;
}

/**
 * Makes a client, which a session can hold as a resource.
 *
 * @param options What differs from the environment.
 * @returns The client. To be disposed of.
 *
 * @example Usage
 * ```ts ignore
 * import { S3BucketRepository, Session } from "@datatask/datatask";
 * import { s3Client } from "@datatask/datatask/s3";
 *
 * const session = new Session();
 * const client = session.resource(() => s3Client({ endpoint: "http://localhost:9000" }));
 * const books = new S3BucketRepository(client, "library");
 * ```
 */
export async function s3Client(options: S3ClientOptions = {}): Promise<OpenS3Client> {
  const [{ S3 }, { NodeHttpHandler }] = await Promise.all([
    import("@aws-sdk/client-s3"),
    import("@smithy/node-http-handler"),
  ]);
  const endpoint = options.endpoint || firstOf("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL");
  const region = options.region || firstOf("AWS_REGION", "AWS_DEFAULT_REGION") ||
    (endpoint === undefined ? undefined : "us-east-1");
  const { requestTimeout = 60_000, socketTimeout = requestTimeout } = options.requestHandler ?? {};
  const sender = new NodeHttpHandler({ socketTimeout: requestTimeout });
  const completer = new NodeHttpHandler({ socketTimeout: COMPLETION * requestTimeout });
  const client = new S3({
    maxAttempts: 5,
    // Not every server takes checksums of its own accord, and bodies are signed, or protected by TLS, all the same.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    ...given(options),
    ...endpoint === undefined ? {} : { endpoint, forcePathStyle: options.forcePathStyle ?? true },
    ...region === undefined ? {} : { region },
    requestHandler: new S3RequestHandler(sender, completer, { requestTimeout, socketTimeout }),
    expectContinueHeader: false, // it would take a new connection for each large part
  });
  return Object.assign(client, { [Symbol.dispose]: () => client.destroy() });
}

/** The options that are given: one that is undefined, or empty as a variable that is not set, is not. */
function given(options: object): object {
  const entries = Object.entries(options);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== ""));
}

function firstOf(...variables: string[]): string | undefined {
  return variables.map((variable) => Deno.env.get(variable) || undefined).find(Boolean);
}
