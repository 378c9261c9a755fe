import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { StoreError } from "../../lib/errors.ts";
import { stateFolder } from "../../lib/state_folder.ts";
import {
  BlockingRepository,
  InProcessMetadataRepository,
  InProcessSyncTask,
  Pipeline,
  run,
} from "../../mod.ts";
import { S3BucketRepository } from "../../repos/s3_bucket_repository.ts";
import { s3Client, type S3ClientOptions } from "../../repos/s3_client.ts";
import { YamlMetadataS3Repository } from "../../repos/yaml_metadata_s3_repository.ts";
import { type Fault, HttpProxy, type ProxiedRequest } from "../faulty_proxy.ts";
import { s3Server } from "../servers.ts";
import { bytes, sameBytes } from "../suite/data.ts";
import { clientOptions, TestBucket } from "./s3_fixture.ts";

/** A size of several parts and many chunks, in bytes. */
const LARGE = 12_000_000;

/** A repository behind a proxy. */
class Fixture implements AsyncDisposable {
  readonly bucket: TestBucket;
  readonly proxy: HttpProxy;
  readonly repo: S3BucketRepository;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    bucket: TestBucket,
    proxy: HttpProxy,
    repo: S3BucketRepository,
    stack: AsyncDisposableStack,
  ) {
    this.bucket = bucket;
    this.proxy = proxy;
    this.repo = repo;
    this.#stack = stack;
  }

  static async make(options: S3ClientOptions = {}): Promise<Fixture> {
    await using stack = new AsyncDisposableStack();
    const bucket = stack.use(await TestBucket.make());
    const proxy = stack.use(new HttpProxy(s3Server.variables.endpoint));
    const client = stack.use(
      await s3Client(clientOptions({ endpoint: proxy.url, maxAttempts: 2, ...options })),
    );
    const repo = new S3BucketRepository(client, bucket.name, { prefix: "p/" });
    return new Fixture(bucket, proxy, repo, stack.move());
  }

  /** Checks that neither a key nor a part of one is there. */
  async isEmpty(): Promise<void> {
    deepStrictEqual(await this.bucket.keys(), []);
    deepStrictEqual(await this.bucket.uploads(), []);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: s3Server.ignore, fn });
}

/** Everything that asks the server, of a key that is there. */
const CALLS: Record<string, (repo: S3BucketRepository) => Promise<unknown>> = {
  list: (repo) => Array.fromAsync(repo),
  bulk: (repo) => Array.fromAsync(repo.bulkIter()),
  contains: (repo) => repo.contains("a"),
  absent: (repo) => repo.contains("absent"),
  read: (repo) => repo.readText("a"),
  readAbsent: (repo) => repo.readText("absent"),
  write: (repo) => repo.writeText("b", "text"),
  writeLarge: (repo) => repo.writeBytes("b", bytes(LARGE)),
  create: (repo) => repo.create("b", "text"),
  delete: (repo) => repo.delete("a"),
  validate: (repo) => repo.validate({ create: false }),
  validateAndMake: (repo) => repo.validate({ create: true }),
};

/** Those that begin with HEAD, to which no server says what is wrong. */
const HEADS: ReadonlySet<string> = new Set(["contains", "absent", "create"]);

/** Checks that all of them are errors, and have no effect. */
async function allFail(
  repo: S3BucketRepository,
  words: RegExp,
  wordsOfHead: RegExp = words,
): Promise<void> {
  for (const [name, call] of Object.entries(CALLS)) {
    await rejects(call(repo), (error) => {
      ok(error instanceof StoreError, `${name}: ${error}`);
      const expected = HEADS.has(name) ? wordsOfHead : words;
      ok(expected.test(error.message), `${name}: ${error.message}`);
      ok(error.cause instanceof Error, name);
      return true;
    });
  }
}

const xml = (code: string): string => `<Error><Code>${code}</Code><Message>no</Message></Error>`;

const ANSWERS: readonly (readonly [
  what: string,
  fault: Fault,
  words: RegExp,
  wordsOfHead?: RegExp,
])[] = [
  ["500", { answer: 500 }, /500/],
  ["503", { answer: 503, body: xml("SlowDown") }, /overloaded/],
  ["403", { answer: 403, body: xml("AccessDenied") }, /access is denied/],
  [
    "expired credentials",
    { answer: 403, body: xml("ExpiredToken") },
    /the credentials have expired/,
    /access is denied/,
  ],
  [
    "clocks that differ",
    { answer: 403, body: xml("RequestTimeTooSkewed") },
    /the clocks of this machine and of the server differ/,
    /access is denied/,
  ],
  ["a redirection", { answer: 301, body: xml("PermanentRedirect") }, /in another region/],
  ["a connection that is cut", "cut", /broke off|did not answer/],
];

for (const [what, fault, words, wordsOfHead] of ANSWERS) {
  test(`A-30: S3BucketRepository takes ${what} for no answer on keys`, async () => {
    await using fixture = await Fixture.make({ maxAttempts: 1 });
    const { bucket, proxy, repo } = fixture;
    await repo.writeText("a", "text");
    proxy.fault = () => fault;
    await allFail(repo, words, wordsOfHead);
    deepStrictEqual(await bucket.keys(), ["p/a"]);
    deepStrictEqual(await bucket.uploads(), []);
    proxy.fault = () => undefined;
    strictEqual(await repo.readText("a"), "text");
  });
}

/** What a server says that is none of S3: a page for people, a console, a proxy that wants to know who one is. */
const FOREIGN: readonly (readonly [what: string, fault: Fault])[] = [
  ["nothing", { answer: 200 }],
  ["a page", {
    answer: 200,
    body: "<html>hi</html>",
    headers: { "Content-Type": "text/html; charset=utf-8" },
  }],
  ["a page that is no XML", {
    answer: 200,
    body: "<!DOCTYPE html><html><head><meta charset=utf-8></head><br></html>",
    headers: { "Content-Type": "text/html" },
  }],
  ["other XML", {
    answer: 200,
    body: `<?xml version="1.0"?>\n<!-- buckets -->\n<ListAllMyBucketsResult/>`,
  }],
];

for (const [what, fault] of FOREIGN) {
  test(`A-30: S3BucketRepository does not take 200 with ${what} for an answer of S3`, async () => {
    await using fixture = await Fixture.make();
    const { bucket, proxy, repo } = fixture;
    await repo.writeText("a", "text");
    const before = proxy.requests.length;
    proxy.fault = () => fault;
    const isPage = typeof fault === "object" && "headers" in fault;
    for (const [name, call] of Object.entries(CALLS)) {
      if (name === "delete" && !isPage) continue; // this may be an answer to DELETE
      await rejects(call(repo), (error) => {
        ok(error instanceof StoreError, `${name}: ${error}`);
        ok(
          /^Cannot \w+ .*: what answers there is no S3 \(.+\); check the endpoint$/.test(
            error.message,
          ),
          `${name}: ${error.message}`,
        );
        return true;
      });
    }
    // What is no S3 now will be none a moment later.
    const urls = proxy.requests.slice(before).map(({ method, url, headers }) =>
      `${method} ${url} ${headers.get("amz-sdk-invocation-id")}`
    );
    strictEqual(new Set(urls).size, urls.length, urls.join("\n"));
    proxy.fault = () => undefined;
    deepStrictEqual(await bucket.keys(), ["p/a"]);
  });
}

test("A-30: an upload whose end something else has answered is not taken for a value", async () => {
  await using fixture = await Fixture.make();
  const { proxy, repo } = fixture;
  proxy.fault = (request) =>
    isCompletion(request) ? { answer: 200, body: "<html>hi</html>" } : undefined;
  await rejects(repo.writeBytes("a", bytes(LARGE)), /what answers there is no S3/);
  await fixture.isEmpty();
});

test("A-30: S3BucketRepository takes 404 for absence only if S3 says that the bucket is there", async () => {
  await using fixture = await Fixture.make();
  const { proxy, repo } = fixture;
  await repo.writeText("a", "text");
  proxy.fault = ({ url }) =>
    url.includes("/p/a")
      ? { answer: 404, body: "<html>not here</html>" }
      : { answer: 200, body: "<html>welcome</html>" };
  await rejects(repo.contains("a"), /what answers there is no S3/);
  await rejects(repo.readText("a"), /what answers there is no S3/);
});

test("S3BucketRepository gives up a server that hangs", async () => {
  await using fixture = await Fixture.make({
    maxAttempts: 1,
    requestHandler: { requestTimeout: 100 },
  });
  const { bucket, proxy, repo } = fixture;
  await bucket.sdk.putObject({ Bucket: bucket.name, Key: "p/a", Body: "text" });
  proxy.fault = () => "hang";
  await allFail(repo, /did not answer in time/);
  deepStrictEqual(await bucket.keys(), ["p/a"]);
});

test("S3BucketRepository gives up a server that hangs in an answer, or goes on reading elsewhere", async () => {
  await using fixture = await Fixture.make({ requestHandler: { requestTimeout: 500 } });
  const { bucket, proxy, repo } = fixture;
  await bucket.sdk.putObject({ Bucket: bucket.name, Key: "p/a", Body: bytes(LARGE) });
  let hangs = 2;
  proxy.fault = ({ method }) =>
    method === "GET" && hangs-- > 0 ? { hangBehind: 1_000_000 } : undefined;
  ok(sameBytes(await repo.readBytes("a"), bytes(LARGE)));
  proxy.fault = () => ({ hangBehind: 1000 });
  await rejects(repo.readBytes("a"), StoreError);
});

test("S3BucketRepository goes on reading where an answer broke off", async () => {
  await using fixture = await Fixture.make();
  const { proxy, repo } = fixture;
  await repo.writeBytes("a", bytes(LARGE));
  let cuts = 3;
  proxy.fault = ({ method }) =>
    method === "GET" && cuts-- > 0 ? { cutBehind: 2_000_000 } : undefined;
  ok(sameBytes(await repo.readBytes("a"), bytes(LARGE)));
  const ranges = proxy.requests.filter(({ method, url }) =>
    method === "GET" && url.includes("/p/a")
  )
    .map(({ headers }) => headers.get("range"));
  strictEqual(ranges[0], null);
  ok(ranges.slice(1).every((range) => range?.startsWith("bytes=")));
  strictEqual(ranges.length, 4);
});

test("S3BucketRepository never gives a part of a value for the whole", async () => {
  await using fixture = await Fixture.make();
  const { proxy, repo } = fixture;
  await repo.writeBytes("a", bytes(LARGE));
  proxy.fault = () => ({ cutBehind: 1000 });
  await rejects(repo.readBytes("a"), StoreError);
});

test("S3BucketRepository does not go on reading when the value was replaced", async () => {
  await using fixture = await Fixture.make();
  const { bucket, proxy, repo } = fixture;
  await repo.writeBytes("a", bytes(LARGE));
  let first = true;
  proxy.fault = ({ method }) => {
    if (method !== "GET" || !first) return undefined;
    first = false;
    return { cutBehind: 1_000_000 };
  };
  const reader = await repo.open("a", "rb");
  ok(sameBytes(await reader.read(100_000), bytes(100_000)));
  await new S3BucketRepository(bucket.client, bucket.name, { prefix: "p/" })
    .writeBytes("a", bytes(LARGE, 5));
  await rejects(reader.read(), /was replaced meanwhile/);
});

test("S3BucketRepository gets by with a server that answers 503 to each third request", async () => {
  await using fixture = await Fixture.make({ maxAttempts: 5 });
  const { proxy, repo } = fixture;
  proxy.fault = ({ number }) =>
    number % 3 === 0 ? { answer: 503, body: xml("SlowDown") } : undefined;
  await repo.validate();
  const jobs = Array.from({ length: 20 }, (_, at) => `job${at}`);
  await Promise.all(jobs.map((job) => repo.writeText(job, job)));
  await repo.writeBytes("large", bytes(LARGE));
  deepStrictEqual((await Array.fromAsync(repo)).sort(), [...jobs, "large"].sort());
  for (const job of jobs) strictEqual(await repo.readText(job), job);
  ok(sameBytes(await repo.readBytes("large"), bytes(LARGE)));
  await Promise.all([...jobs, "large"].map((job) => repo.delete(job)));
  await fixture.isEmpty();
});

test("s3Client() has a budget for attempts that all requests to a server that fails share", async () => {
  await using fixture = await Fixture.make({ maxAttempts: 5 });
  const { proxy, repo } = fixture;
  proxy.fault = () => ({ answer: 503, body: xml("SlowDown") });
  const jobs = Array.from({ length: 300 }, (_, at) => `job${at}`);
  const answers = await Promise.allSettled(jobs.map((job) => repo.contains(job)));
  ok(answers.every(({ status }) => status === "rejected"));
  // Each is sent once, and all together a hundred times more: not five times each.
  const attempts = proxy.requests.length;
  ok(attempts > jobs.length && attempts <= jobs.length + 100, `${attempts} attempts`);
  await rejects(repo.contains("more"), StoreError);
  strictEqual(proxy.requests.length, attempts + 1); // nothing is left of it
  proxy.fault = () => undefined;
  strictEqual(await repo.contains("more"), false);
});

const isPart = ({ url }: ProxiedRequest): boolean => url.includes("partNumber=");
const isCreation = ({ method, url }: ProxiedRequest): boolean =>
  method === "POST" && url.includes("uploads");
const isCompletion = ({ method, url }: ProxiedRequest): boolean =>
  method === "POST" && url.includes("uploadId=");

test("S3BucketRepository leaves neither key nor parts when an upload fails at any of its requests", async () => {
  await using fixture = await Fixture.make({ maxAttempts: 1 });
  const { proxy, repo } = fixture;
  for (
    const fault of [{ answer: 500 }, { answer: 403, body: xml("AccessDenied") }, "cut"] as const
  ) {
    for (const at of [isCreation, isPart, isCompletion]) {
      proxy.fault = (request) => at(request) ? fault : undefined;
      await rejects(repo.writeBytes("a", bytes(LARGE)), StoreError);
      await fixture.isEmpty();
    }
  }
  proxy.fault = () => undefined;
  await repo.writeBytes("a", bytes(LARGE));
  ok(sameBytes(await repo.readBytes("a"), bytes(LARGE)));
});

test("S3BucketRepository takes an error for one that comes with 200 to the end of an upload", async () => {
  await using fixture = await Fixture.make();
  const { bucket, proxy, repo } = fixture;
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n${xml("InternalError")}`;
  proxy.fault = (request) => isCompletion(request) ? { answer: 200, body } : undefined;
  await rejects(repo.writeBytes("a", bytes(LARGE)), /InternalError/);
  strictEqual(proxy.requests.filter(isCompletion).length, 2); // as often as it may be sent
  await fixture.isEmpty();

  let errors = 1;
  proxy.fault = (request) =>
    isCompletion(request) && errors-- > 0 ? { answer: 200, body } : undefined;
  await repo.writeBytes("a", bytes(LARGE));
  ok(sameBytes(await repo.readBytes("a"), bytes(LARGE)));
  deepStrictEqual(await bucket.uploads(), []);
});

test("S3BucketRepository finds out that an upload was completed though the answer was lost", async () => {
  await using fixture = await Fixture.make();
  const { bucket, proxy, repo } = fixture;
  proxy.fault = (request) => isCompletion(request) ? "lose" : undefined;
  await repo.writeBytes("a", bytes(LARGE));
  ok(sameBytes(await repo.readBytes("a"), bytes(LARGE)));
  deepStrictEqual(await bucket.uploads(), []);
});

test("S3BucketRepository.create() knows its own value again when the answer was lost", async () => {
  await using fixture = await Fixture.make();
  const { proxy, repo } = fixture;
  let first = true;
  proxy.fault = ({ method }) => {
    if (method !== "PUT" || !first) return undefined;
    first = false;
    return "lose";
  };
  strictEqual(await repo.create("a", "mine"), true);
  strictEqual(await repo.create("a", "yours"), false);
  strictEqual(await repo.readText("a"), "mine");
});

test("S3BucketRepository.create() tries again when it raced with another write", async () => {
  await using fixture = await Fixture.make();
  const { proxy, repo } = fixture;
  let conflicts = 2;
  proxy.fault = ({ method }) =>
    method === "PUT" && conflicts-- > 0
      ? { answer: 409, body: xml("ConditionalRequestConflict") }
      : undefined;
  strictEqual(await repo.create("a", "mine"), true);
});

test("S3BucketRepository.validate() clears uploads of which the end could not be told to the server", async () => {
  await using fixture = await Fixture.make({ maxAttempts: 1 });
  const { bucket, proxy, repo } = fixture;
  proxy.fault = ({ method, url }) =>
    method === "DELETE" || url.includes("partNumber=2") ? "cut" : undefined;
  await rejects(repo.writeBytes("a", bytes(LARGE)), StoreError);
  deepStrictEqual(await bucket.uploads(), ["p/a"]);
  proxy.fault = () => undefined;
  await using live = await repo.open("b", "wb");
  await live.write(bytes(LARGE));
  await repo.validate({ create: false });
  deepStrictEqual(await bucket.uploads(), ["p/a", "p/b"]);
  await repo.validate({ create: true });
  deepStrictEqual(await bucket.uploads(), ["p/b"]);
  await live.close();
  deepStrictEqual(await bucket.keys(), ["p/b"]);
});

test("S3BucketRepository.validate() clears what other machines left, once a day, when it is a week old", async () => {
  await using fixture = await Fixture.make();
  const { bucket, proxy, repo } = fixture;
  const ids = new Map<string, string>();
  for (const Key of ["p/old", "p/young", "p/other/old"]) {
    const { UploadId = "" } = await bucket.sdk.createMultipartUpload({ Bucket: bucket.name, Key });
    ids.set(Key, UploadId);
  }
  const day = 24 * 3_600_000;
  const listed = [...ids].map(([key, id]) => {
    const initiated = new Date(Date.now() - (key === "p/young" ? 6.9 : 7.1) * day).toISOString();
    return `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${initiated}</Initiated></Upload>`;
  });
  const body = `<ListMultipartUploadsResult>${listed.join("")}</ListMultipartUploadsResult>`;
  const isListing = ({ method, url }: ProxiedRequest): boolean =>
    method === "GET" && url.includes("uploads");
  proxy.fault = (request) => isListing(request) ? { answer: 200, body } : undefined;
  await repo.validate({ create: false });
  strictEqual(proxy.count("GET", /uploads/), 0);
  await repo.validate({ create: true });
  deepStrictEqual(await bucket.uploads(), ["p/other/old", "p/young"]);
  using client = await s3Client(clientOptions({ endpoint: proxy.url }));
  await new S3BucketRepository(client, bucket.name, { prefix: "p/" }).validate();
  strictEqual(proxy.count("GET", /uploads/), 1); // not again today
  await new S3BucketRepository(client, bucket.name, { prefix: "p/other/" }).validate();
  deepStrictEqual(await bucket.uploads(), ["p/young"]);
  strictEqual(proxy.count("GET", /uploads/), 2);

  ageNotes(bucket.name, 1.1); // tomorrow
  await repo.validate();
  strictEqual(proxy.count("GET", /uploads/), 3);
});

/** Makes the notes on when a bucket was last cleared so many days old. */
function ageNotes(bucket: string, days: number): void {
  const folder = `${stateFolder()}/.s3-cleared`;
  const then = new Date(Date.now() - days * 24 * 3_600_000);
  for (const { name } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (contentOf(path).includes(bucket)) Deno.utimeSync(path, then, then);
  }
}

function contentOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return ""; // that of another test, which has ended
    throw error;
  }
}

test("S3BucketRepository aborts an upload that waits for the server at once", async () => {
  await using fixture = await Fixture.make();
  const { proxy, repo } = fixture;
  const parts = Promise.withResolvers<void>();
  proxy.fault = (request) => {
    if (!isPart(request)) return undefined;
    parts.resolve();
    return "hang";
  };
  const writer = await repo.open("a", "wb");
  await writer.write(bytes(9_000_000));
  await parts.promise;
  await writer.abort();
  await fixture.isEmpty();
});

const OTHERS: readonly (readonly [
  what: string,
  options: S3ClientOptions,
  words: RegExp,
  wordsOfHead: RegExp,
])[] = [
  [
    "an unknown access key",
    { credentials: { accessKeyId: "nobody", secretAccessKey: "nothing" } },
    /: there is no such access key \(403 InvalidAccessKeyId\); correct the credentials$/,
    /: access is denied \(403\); check the credentials and what they may do$/,
  ],
  [
    "another region",
    { region: "eu-west-3" },
    /: the region is wrong \(400 AuthorizationHeaderMalformed\); set the region of the bucket$/,
    /: the server refuses the request \(400\); check the region and the endpoint$/,
  ],
];

for (const [what, options, words, wordsOfHead] of OTHERS) {
  test(`S3BucketRepository with ${what} finds out nothing`, async () => {
    await using bucket = await TestBucket.make();
    await new S3BucketRepository(bucket.client, bucket.name).writeText("a", "text");
    using client = await s3Client(clientOptions({ ...options, maxAttempts: 1 }));
    await allFail(new S3BucketRepository(client, bucket.name), words, wordsOfHead);
    deepStrictEqual(await bucket.keys(), ["a"]);
  });
}

test("s3Client() with a wrong secret, or without any credentials, says so", async () => {
  await using bucket = await TestBucket.make();
  const { credentials } = clientOptions();
  ok(typeof credentials === "object");
  using wrong = await s3Client(
    clientOptions({ credentials: { ...credentials, secretAccessKey: "wrong" } }),
  );
  await rejects(
    Array.fromAsync(new S3BucketRepository(wrong, bucket.name)),
    /the secret key is wrong/,
  );
});

Deno.test("s3Client() that is told too little, or a wrong endpoint, says what to tell it", async () => {
  const variables = ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"];
  const before = variables.map((name) => [name, Deno.env.get(name)] as const);
  const files = [["AWS_CONFIG_FILE", "/dev/null"], ["AWS_SHARED_CREDENTIALS_FILE", "/dev/null"]];
  for (const name of variables) Deno.env.delete(name);
  for (const [name = "", value = ""] of files) Deno.env.set(name, value);
  const nowhere =
    /: no region or endpoint is known \(Region is missing\); set AWS_REGION or AWS_ENDPOINT_URL, or give/;
  const noUrl =
    /: the endpoint is no URL \(.*\); begin it with http:\/\/ or https:\/\/, then the host$/;
  const cases: readonly (readonly [S3ClientOptions, RegExp])[] = [
    [{}, nowhere],
    [{ endpoint: "", region: "" }, nowhere],
    [{ endpoint: "127.0.0.1:9000" }, noUrl],
    [{ endpoint: "localhost:9000" }, noUrl],
    [{ endpoint: "http://" }, noUrl],
  ];
  try {
    for (const [options, words] of cases) {
      const credentials = { accessKeyId: "a", secretAccessKey: "b" };
      using client = await s3Client({ ...options, credentials });
      const repo = new S3BucketRepository(client, "library");
      for (const call of [() => repo.validate(), () => repo.contains("a")]) {
        await rejects(call, (error) => {
          ok(error instanceof StoreError, `${error}`);
          ok(words.test(error.message), error.message);
          return true;
        });
      }
    }
  } finally {
    for (const [name] of files) Deno.env.delete(name ?? "");
    for (const [name, value] of before) if (value !== undefined) Deno.env.set(name, value);
  }
});

test("s3Client() corrects the clock by which it signs", async () => {
  await using bucket = await TestBucket.make();
  using client = await s3Client(clientOptions());
  const repo = new S3BucketRepository(client, bucket.name);
  const { now } = Date;
  try {
    Date.now = () => now() + 3_600_000; // an hour fast
    await repo.writeText("a", "text");
    strictEqual(await repo.readText("a"), "text");
  } finally {
    Date.now = now;
  }
});

test("s3Client() asks again for credentials that expire", async () => {
  await using bucket = await TestBucket.make();
  const { credentials } = clientOptions();
  ok(typeof credentials === "object");
  let asked = 0;
  using client = await s3Client(clientOptions({
    credentials: () => {
      asked++;
      return Promise.resolve({ ...credentials, expiration: new Date(Date.now() + 60_000) });
    },
  }));
  const repo = new S3BucketRepository(client, bucket.name);
  for (let count = 0; count < 3; count++) await repo.contains("a");
  ok(asked >= 3, `asked ${asked} times`);
});

test("A-30: no job is started on an error of S3", async () => {
  await using fixture = await Fixture.make({ maxAttempts: 1 });
  const { bucket, proxy, repo } = fixture;
  await repo.writeText("a", "text");
  await repo.writeText("b", "text");
  let started = 0;
  const count = (): Promise<void> => {
    started++;
    return Promise.resolve();
  };
  const jobs = new InProcessMetadataRepository(new Map([["a", 1], ["b", 2]]));
  const faults: Fault[] = [
    { answer: 500 },
    { answer: 403 },
    { answer: 404, body: xml("NoSuchBucket") },
    { answer: 200 },
    { answer: 200, body: "<html>hi</html>" },
    "cut",
  ];
  for (const fault of faults) {
    const make = [
      // What inhibits cannot be listed, and what is required cannot be looked up.
      new InProcessSyncTask("inhibited", new InProcessMetadataRepository())
        .link("jobs", jobs, { isInput: true })
        .link("seen", repo, { inhibitsStart: true })
        .func(count),
      new InProcessSyncTask("blocked", new InProcessMetadataRepository())
        .link("jobs", new BlockingRepository(jobs, repo, { enumerateUnless: false }), {
          isInput: true,
        })
        .func(count),
    ];
    for (const task of make) {
      // All but the look at the bucket when the pipeline opens.
      proxy.fault = ({ url }) => /max-keys=1.*prefix=p%2F(&|$)/.test(url) ? undefined : fault;
      await run(new Pipeline([task])).catch(() => {});
      strictEqual(started, 0, task.name);
      proxy.fault = () => undefined;
      await run(new Pipeline([task]));
      strictEqual(started, 0, `${task.name}, when the server is well`);
    }
  }
  deepStrictEqual(await bucket.keys(), ["p/a", "p/b"]);
});

test("S3BucketRepository.requestCount() counts what the server sees", async () => {
  await using fixture = await Fixture.make();
  const { proxy, repo } = fixture;
  using client = await s3Client(clientOptions({ endpoint: proxy.url }));
  const yaml = new YamlMetadataS3Repository(client, fixture.bucket.name, { prefix: "yaml/" });
  await repo.validate();
  await repo.writeBytes("a", bytes(LARGE));
  await repo.readBytes("a");
  await repo.contains("a");
  await repo.contains("absent");
  await repo.delete("a");
  await yaml.dump("a", {});
  await Promise.all([Array.fromAsync(repo), Array.fromAsync(yaml)]);
  strictEqual(repo.requestCount() + (yaml.requestCount?.() ?? 0), proxy.requests.length);
});

test("a look at finished work asks for listings alone", async () => {
  await using fixture = await Fixture.make();
  const { bucket, proxy } = fixture;
  using client = await s3Client(clientOptions({ endpoint: proxy.url }));
  const at = (prefix: string): S3BucketRepository =>
    new S3BucketRepository(client, bucket.name, { prefix });
  const make = (): Pipeline => {
    const [books, words] = [at("books/"), at("words/")];
    const count = new InProcessSyncTask(
      "count",
      new YamlMetadataS3Repository(client, bucket.name, { prefix: "done/" }),
    )
      .link("books", books, { isInput: true })
      .link("words", words, { isOutput: true })
      .func(({ job, words }) => words.writeText(job, "1"));
    const check = new InProcessSyncTask("check", new InProcessMetadataRepository())
      .link("books", books, { isInput: true })
      .link("words", words, { isInput: true })
      .link("never", new InProcessMetadataRepository(), { requiredForStart: true })
      .func(() => Promise.resolve());
    return new Pipeline([count, check]);
  };
  const books = at("books/");
  const objects = 400; // of which each repository has a page that is nearly empty
  for (let from = 0; from < objects; from += 50) {
    const jobs = Array.from({ length: 50 }, (_, at) => `book${from + at}`);
    await Promise.all(jobs.map((job) => books.writeText(job, "text")));
  }
  strictEqual((await run(make())).succeeded, objects);
  const before = proxy.requests.length;
  strictEqual((await run(make())).succeeded, 0);
  const requests = proxy.requests.slice(before);
  ok(requests.every(({ method, url }) => method === "GET" && url.includes("list-type=2")));
  ok(
    requests.length <= 3 * objects / 1000 + 2,
    requests.map(({ method, url }) => `${method} ${url}`).join("\n"),
  );
});
