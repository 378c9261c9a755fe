import {
  deepStrictEqual,
  notStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import { access, type Resource, Session } from "../../lib/session.ts";
import { interceptWarnings } from "../../lib/warnings.ts";

/** Registers a resource that notes in `log` when it is opened and closed. */
function register(session: Session, name: string, log: string[]): Resource<string> {
  const make = async function* () {
    log.push(`open ${name}`);
    await Promise.resolve();
    yield name;
    log.push(`close ${name}`);
  };
  Object.defineProperty(make, "name", { value: name });
  return session.resource(make);
}

Deno.test("Session opens resources in the order of registration and closes them in reverse", async () => {
  const log: string[] = [];
  const session = new Session();
  const a = register(session, "a", log);
  const b = register(session, "b", log);
  await session.open();
  strictEqual(a(), "a");
  strictEqual(b(), "b");
  await session.close();
  deepStrictEqual(log, ["open a", "open b", "close b", "close a"]);
});

Deno.test("Session.resource() gives an accessor that knows its name", () => {
  const session = new Session();
  const bucket = session.resource(async function* bucket() {
    yield 1;
  });
  strictEqual(bucket.resourceName, "bucket");
  strictEqual(
    session.resource(async function* () {
      yield 1;
    }).resourceName,
    "resource",
  );
});

Deno.test("Resource throws outside an open session and says how to open it", async () => {
  const session = new Session();
  const bucket = session.resource(async function* bucket() {
    yield 1;
  });
  const expected = { message: /^Cannot use resource "bucket": its session is not open; open/ };
  throws(bucket, expected);
  await session.open();
  strictEqual(bucket(), 1);
  await session.close();
  throws(bucket, expected);
});

Deno.test("Resource may use those that were registered before it, while it opens and closes", async () => {
  const seen: string[] = [];
  const session = new Session();
  const client = register(session, "client", []);
  session.resource(async function* collection() {
    seen.push(client());
    yield 1;
    seen.push(client());
  });
  await session.open();
  await session.close();
  deepStrictEqual(seen, ["client", "client"]);
});

Deno.test("Session disposes of what a function returns", async () => {
  const log: string[] = [];
  const session = new Session();
  const sync = session.resource(function sync() {
    return { [Symbol.dispose]: () => void log.push("sync") };
  });
  session.resource(async function both() {
    await Promise.resolve();
    return {
      [Symbol.dispose]: () => void log.push("never"),
      [Symbol.asyncDispose]: () => Promise.resolve(void log.push("async")),
    };
  });
  await session.open();
  strictEqual(typeof sync()[Symbol.dispose], "function");
  await session.close();
  deepStrictEqual(log, ["async", "sync"]);
});

Deno.test("Session calls the disposal as a method of the resource", async () => {
  const session = new Session();
  const sync = session.resource(function sync() {
    return new DisposableStack();
  });
  const async = session.resource(function async() {
    return new AsyncDisposableStack();
  });
  await session.open();
  const opened = [sync(), async()];
  await session.close();
  deepStrictEqual(opened.map((stack) => stack.disposed), [true, true]);
});

Deno.test("Session takes generators that are not async", async () => {
  const log: string[] = [];
  const session = new Session();
  const resource: Resource<number> = session.resource(function* resource() {
    yield 1;
    log.push("closed");
  });
  await session.open();
  strictEqual(resource(), 1);
  await session.close();
  deepStrictEqual(log, ["closed"]);
});

Deno.test("Session.open() refuses what cannot be disposed of", async () => {
  const session = new Session();
  // @ts-expect-error: a string cannot be disposed of
  session.resource(function text() {
    return "text";
  });
  await rejects(session.open(), { message: /^Cannot open resource "text": TypeError: .*disposed/ });
});

Deno.test("Session.open() refuses a generator that yields nothing", async () => {
  const session = new Session();
  session.resource(async function* empty() {});
  await rejects(session.open(), { message: /^Cannot open resource "empty": .*yields nothing/ });
});

Deno.test("Session closes a generator that yields twice, and warns", async () => {
  const log: string[] = [];
  const warnings: string[] = [];
  using _ = interceptWarnings((message) => void warnings.push(message));
  const session = new Session();
  session.resource(async function* twice() {
    try {
      yield 1;
      yield 2;
      log.push("never");
    } finally {
      log.push("closed");
    }
  });
  await session.open();
  await session.close();
  deepStrictEqual(log, ["closed"]);
  deepStrictEqual(warnings, ["resource has more than one yield: twice"]);
});

Deno.test("A-26: Session.open() closes what it has opened when a resource fails, and can be tried again", async () => {
  const log: string[] = [];
  const cause = new Error("no route to host");
  let broken = true;
  const session = new Session();
  const a = register(session, "a", log);
  register(session, "b", log);
  session.resource(async function* c() {
    if (broken) throw cause;
    yield 1;
  });
  register(session, "d", log);
  await rejects(session.open(), {
    message: `Cannot open resource "c": Error: no route to host`,
    cause,
  });
  deepStrictEqual(log, ["open a", "open b", "close b", "close a"]);
  strictEqual(session.isOpen, false);
  throws(a);
  await session.close();

  broken = false;
  await session.open();
  strictEqual(a(), "a");
  await session.close();
});

Deno.test("Session.open() throws also what goes wrong when it closes what it has opened", async () => {
  const session = new Session();
  session.resource(async function* a() {
    yield 1;
    throw new Error("a is stuck");
  });
  session.resource(async function* b() {
    yield* [];
    throw new Error("b is broken");
  });
  await rejects(session.open(), (error) => {
    ok(error instanceof AggregateError && error.cause instanceof Error);
    strictEqual(error.cause.message, "b is broken");
    strictEqual(
      error.message,
      `Cannot open resource "b": Error: b is broken; Cannot close resource "a": Error: a is stuck`,
    );
    deepStrictEqual(error.errors.length, 2);
    return true;
  });
  strictEqual(session.isOpen, false);
});

Deno.test("A-26: Session.close() closes also what is behind a resource that fails", async () => {
  const log: string[] = [];
  const cause = new Error("broken pipe");
  const session = new Session();
  register(session, "a", log);
  session.resource(async function* b() {
    yield 1;
    throw cause;
  });
  register(session, "c", log);
  await session.open();
  await rejects(session.close(), {
    message: `Cannot close resource "b": Error: broken pipe`,
    cause,
  });
  deepStrictEqual(log, ["open a", "open c", "close c", "close a"]);
  strictEqual(session.isOpen, false);
});

Deno.test("Session.close() throws all that went wrong", async () => {
  const session = new Session();
  for (const name of ["a", "b"]) {
    session.resource(() => ({
      [Symbol.dispose]() {
        throw new Error(`${name} is stuck`);
      },
    }));
  }
  await session.open();
  await rejects(session.close(), (error) => {
    ok(error instanceof AggregateError);
    deepStrictEqual(
      error.errors.map((each: Error) => each.message),
      ["b", "a"].map((name) => `Cannot close resource "resource": Error: ${name} is stuck`),
    );
    return true;
  });
  await session.close(); // closed all the same
});

Deno.test("A-26: Session.close() does nothing if the session is closed", async () => {
  const log: string[] = [];
  const session = new Session();
  register(session, "a", log);
  await session.close();
  deepStrictEqual(log, []);
  await session.open();
  await session.close();
  await session.close();
  deepStrictEqual(log, ["open a", "close a"]);
});

Deno.test("Session.close() waits for one that is under way", async () => {
  const closing = Promise.withResolvers<void>();
  let closed = false;
  const session = new Session();
  session.resource(async function* slow() {
    yield 1;
    await closing.promise;
    closed = true;
  });
  await session.open();
  const first = session.close();
  const second = session.close().then(() => strictEqual(closed, true));
  closing.resolve();
  await Promise.all([first, second]);
});

Deno.test("A-26: Session keeps two resources of the same name apart", async () => {
  const log: string[] = [];
  const session = new Session();
  const makers = [1, 2].map((value) =>
    session.resource(async function* client() {
      yield value;
      log.push(`close ${value}`);
    })
  );
  await session.open();
  deepStrictEqual(makers.map((client) => client()), [1, 2]);
  await session.close();
  deepStrictEqual(log, ["close 2", "close 1"]);
});

Deno.test("Session can be opened again, with resources made anew", async () => {
  const session = new Session();
  const resource = session.resource(async function* resource() {
    yield {};
  });
  await session.open();
  const first = resource();
  strictEqual(resource(), first);
  await session.close();
  await session.open();
  notStrictEqual(resource(), first);
  await session.close();
});

Deno.test("Session.open() refuses to open what is open or just being opened", async () => {
  const session = new Session();
  register(session, "a", []);
  const opening = session.open();
  await rejects(session.open(), { message: /it is being opened/ });
  await rejects(session.close(), { message: /it is being opened/ });
  await opening;
  strictEqual(session.isOpen, true);
  await rejects(session.open(), { message: /it is open/ });
  await session.close();
});

Deno.test("Session.resource() refuses to register while the session is open", async () => {
  const session = new Session();
  await session.open();
  throws(() => register(session, "late", []), {
    message: /^Cannot register resource "late": the session is open/,
  });
  await session.close();
  register(session, "late", []);
});

Deno.test("Session is closed when it is disposed of", async () => {
  const log: string[] = [];
  {
    await using session = new Session();
    register(session, "a", log);
    await session.open();
  }
  deepStrictEqual(log, ["open a", "close a"]);
});

Deno.test("access() takes the thing itself or a function that gives it", async () => {
  const session = new Session();
  const resource = register(session, "bucket", []);
  throws(() => access(resource), { message: /its session is not open/ });
  await session.open();
  strictEqual(access(resource), "bucket");
  strictEqual(access(() => "other"), "other");
  strictEqual(access("thing"), "thing");
  await session.close();
});

Deno.test("Session.openFor() makes a resource once, however many need it at the same time", async () => {
  const log: string[] = [];
  const session = new Session();
  const a = register(session, "a", log);
  const b = session.resource(async function* b() {
    log.push(`open b on ${a()}`);
    yield "b";
    log.push("close b");
  });
  const use = async (): Promise<void> => {
    b();
    await Promise.resolve();
  };
  await Promise.all([
    session.openFor(use),
    session.openFor(use),
    session.openFor(() => Promise.try(() => void a())),
  ]);
  await session.close();
  deepStrictEqual(log, ["open a", "open b on a", "close b", "close a"]);
});

Deno.test("Session.openFor() goes on when somebody else has made what it needs meanwhile", async () => {
  const log: string[] = [];
  const session = new Session();
  const a = register(session, "a", log);
  const other = Promise.withResolvers<void>();
  let isFirst = true;
  const using = session.openFor(async () => {
    try {
      a();
    } finally {
      if (isFirst) await other.promise;
      isFirst = false;
    }
  });
  await session.openFor(() => Promise.try(() => void a()));
  other.resolve();
  await using;
  await session.close();
  deepStrictEqual(log, ["open a", "close a"]);
});

Deno.test("Session.openFor() does not wait for resources that need each other", async () => {
  const session = new Session();
  const a: Resource<string> = session.resource(async function* a() {
    yield b();
  });
  const b: Resource<string> = session.resource(async function* b() {
    yield a();
  });
  await rejects(session.openFor(() => Promise.try(() => void a())), {
    message: /^Cannot use resource "b": its session is not open/,
  });
  await session.close();
});
