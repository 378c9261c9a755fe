/**
 * Proxies in front of a real server, which do to it what a real one cannot be made to do.
 *
 * {@linkcode TcpProxy} relays bytes of any protocol; {@linkcode HttpProxy} knows requests, counts them, and does to each
 * what its `fault` says. Both pass on the bytes of the client as they are, signatures and host included.
 */

/** Relays connections, until it is told to hang or to cut them. */
export class TcpProxy implements AsyncDisposable {
  /** How many connections have been taken. */
  connections = 0;
  readonly #listener: Deno.TcpListener;
  readonly #target: Deno.ConnectOptions;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #work = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  #hanging: PromiseWithResolvers<void> | undefined;
  #refusing = false;

  /**
   * Begins to listen.
   *
   * @param target The host and port of the server.
   */
  constructor(target: string) {
    const { hostname, port } = new URL(target.includes("://") ? target : `tcp://${target}`);
    this.#target = { hostname, port: Number(port) };
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#accepting = this.#accept();
  }

  /** Where it listens: `127.0.0.1` and the port. */
  get host(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Keeps all bytes back, of connections that are open and of new ones. */
  hang(): void {
    this.#hanging ??= Promise.withResolvers();
  }

  /** Undoes {@linkcode hang} and {@linkcode refuse}. */
  resume(): void {
    this.#refusing = false;
    this.#hanging?.resolve();
    this.#hanging = undefined;
  }

  /** Ends all connections that are open, in the middle of whatever they do. */
  cut(): void {
    for (const connection of this.#open) close(connection);
    this.#open.clear();
  }

  /** {@linkcode cut}, and does the same to each new connection. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  /** Resolves when bytes may be passed on. */
  protected get passable(): Promise<void> | undefined {
    return this.#hanging?.promise;
  }

  /** Ends everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.resume();
    this.cut();
    await this.#accepting;
    await Promise.all(this.#work);
  }

  /**
   * Serves one client, until one side ends.
   *
   * @param client The client.
   * @param server A connection to the server, made for it.
   */
  protected async relay(client: Deno.Conn, server: Deno.Conn): Promise<void> {
    const pass = async (from: Deno.Conn, to: Deno.Conn): Promise<void> => {
      const buffer = new Uint8Array(65536);
      for (let size = await from.read(buffer); size !== null; size = await from.read(buffer)) {
        await this.passable;
        await writeAll(to, buffer.subarray(0, size));
      }
      close(from);
      close(to);
    };
    await Promise.allSettled([pass(client, server), pass(server, client)]);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      this.connections++;
      const work = this.#serve(client).finally(() => this.#work.delete(work));
      this.#work.add(work);
    }
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    if (this.#refusing) return close(client);
    this.#open.add(client);
    let server: Deno.TcpConn | undefined;
    try {
      server = await Deno.connect(this.#target);
      client.setNoDelay();
      server.setNoDelay();
      this.#open.add(server);
      await this.relay(client, server);
    } catch {
      // One side has gone, as the other one sees when its connection is closed.
    } finally {
      for (const connection of [client, server]) {
        if (connection === undefined) continue;
        close(connection);
        this.#open.delete(connection);
      }
    }
  }
}

/** A request on its way through {@linkcode HttpProxy}. */
export interface ProxiedRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Headers;
  /** Which request it is: 1, 2, 3 and so on. */
  readonly number: number;
}

/** What is done to a request. */
export type Fault =
  /** It is answered here, and does not reach the server. */
  | { readonly answer: number; readonly body?: string; readonly headers?: Record<string, string> }
  /** The connection is ended before the request reaches the server. */
  | "cut"
  /** It does not reach the server, and is never answered. */
  | "hang"
  /** The server does what it asks for, and the connection is ended in place of the answer. */
  | "lose"
  /** The connection is ended in the answer, behind so many bytes of its body. */
  | { readonly cutBehind: number }
  /** The answer goes no further, behind so many bytes of its body. */
  | { readonly hangBehind: number }
  /** The answer is passed on with these headers in place of the server's. */
  | { readonly replace: Record<string, string> };

/** Relays HTTP, and does to each request what {@linkcode fault} says. */
export class HttpProxy extends TcpProxy {
  /** The requests that came, in their order. */
  readonly requests: ProxiedRequest[] = [];
  /** Decides what is done to a request; it is passed on if there is no fault. */
  fault: (request: ProxiedRequest) => Fault | undefined = () => undefined;
  readonly #ended = Promise.withResolvers<void>();

  /** Where it listens, as a URL without a path. */
  get url(): string {
    return `http://${this.host}`;
  }

  /** How many requests came that are such. */
  count(method: string, url: RegExp = /^/): number {
    return this.requests.filter((request) => request.method === method && url.test(request.url))
      .length;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.resolve();
    await super[Symbol.asyncDispose]();
  }

  protected override async relay(client: Deno.Conn, server: Deno.Conn): Promise<void> {
    const [fromClient, fromServer] = [new Messages(client), new Messages(server)];
    for (;;) {
      const head = await fromClient.head();
      if (head === undefined) return;
      const [method = "", url = ""] = head.line.split(" ");
      const request = { method, url, headers: head.headers, number: this.requests.length + 1 };
      this.requests.push(request);
      await this.passable;
      const fault = this.fault(request);
      if (fault === "cut") return;
      if (fault === "hang") return await this.#hang(client);
      if (typeof fault === "object" && "answer" in fault) {
        if (head.headers.has("expect")) return void await writeAll(client, answer(method, fault));
        await fromClient.body(lengthOf(head), () => Promise.resolve());
        await writeAll(client, answer(method, fault));
        continue;
      }
      await writeAll(server, head.bytes);
      // Both at once: the client may wait to be told to go on before it sends the body.
      const sent = fromClient.body(lengthOf(head), (bytes) => writeAll(server, bytes));
      sent.catch(() => {}); // seen below, if the answer does not tell more
      await this.#answer(client, fromServer, method, fault);
      if (typeof fault === "string" || fault !== undefined && !("replace" in fault)) return;
      await sent;
    }
  }

  async #answer(
    client: Deno.Conn,
    server: Messages,
    method: string,
    fault: Fault | undefined,
  ): Promise<void> {
    for (;;) {
      const head = await server.head();
      if (head === undefined) throw new Error("the server ended the connection");
      const status = Number(head.line.split(" ")[1]);
      if (status >= 200 && fault === "lose") return;
      await this.passable;
      const replaced = typeof fault === "object" && "replace" in fault
        ? replace(head, fault.replace)
        : head.bytes;
      await writeAll(client, replaced);
      if (status < 200) continue;
      let room = Infinity;
      if (typeof fault === "object") {
        if ("cutBehind" in fault) room = fault.cutBehind;
        if ("hangBehind" in fault) room = fault.hangBehind;
      }
      const none = method === "HEAD" || status === 204 || status === 304;
      const whole = await server.body(none ? 0 : lengthOf(head), async (bytes) => {
        await writeAll(client, bytes.subarray(0, room));
        room -= bytes.length;
        return room > 0;
      });
      if (!whole && typeof fault === "object" && "hangBehind" in fault) await this.#hang(client);
      return;
    }
  }

  /** Waits until the client gives up. */
  async #hang(client: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(65536);
    const gone = async (): Promise<void> => {
      while (await client.read(buffer) !== null);
    };
    await Promise.race([gone(), this.#ended.promise]);
  }
}

/** The first line of a message and its headers. */
interface Head {
  readonly bytes: Uint8Array;
  readonly line: string;
  readonly headers: Headers;
}

/** Reads messages from a connection. */
class Messages {
  readonly #connection: Deno.Conn;
  #rest: Uint8Array = new Uint8Array();

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  async head(): Promise<Head | undefined> {
    let end: number;
    while ((end = indexOf(this.#rest, "\r\n\r\n")) < 0) if (!await this.#more()) return undefined;
    const bytes = this.#take(end + 4);
    const [line = "", ...fields] = new TextDecoder().decode(bytes.subarray(0, end)).split("\r\n");
    const headers = new Headers(fields.map((field): [string, string] => {
      const colon = field.indexOf(":");
      return [field.slice(0, colon), field.slice(colon + 1).trim()];
    }));
    return { bytes, line, headers };
  }

  /** Hands on a body as it comes; false if `sink` wanted no more of it. */
  async body(
    length: number | "chunked",
    sink: (bytes: Uint8Array) => Promise<boolean | void>,
  ): Promise<boolean> {
    if (length !== "chunked") return await this.#pass(length, sink);
    for (;;) {
      let end: number;
      while ((end = indexOf(this.#rest, "\r\n")) < 0) {
        if (!await this.#more()) throw new Error("a body ends in its middle");
      }
      const size = Number.parseInt(new TextDecoder().decode(this.#rest.subarray(0, end)), 16);
      if (await sink(this.#take(end + 2)) === false) return false;
      if (size === 0) break;
      if (!await this.#pass(size + 2, sink)) return false;
    }
    for (;;) { // what is behind the last chunk: lines, the last of them empty
      let end: number;
      while ((end = indexOf(this.#rest, "\r\n")) < 0) {
        if (!await this.#more()) throw new Error("a body ends in its middle");
      }
      await sink(this.#take(end + 2));
      if (end === 0) return true;
    }
  }

  async #pass(
    length: number,
    sink: (bytes: Uint8Array) => Promise<boolean | void>,
  ): Promise<boolean> {
    while (length > 0) {
      if (this.#rest.length === 0 && !await this.#more()) return false;
      const bytes = this.#take(Math.min(length, this.#rest.length));
      length -= bytes.length;
      if (await sink(bytes) === false) return false;
    }
    return true;
  }

  async #more(): Promise<boolean> {
    const buffer = new Uint8Array(65536);
    const size = await this.#connection.read(buffer);
    if (size === null) return false;
    const all = new Uint8Array(this.#rest.length + size);
    all.set(this.#rest);
    all.set(buffer.subarray(0, size), this.#rest.length);
    this.#rest = all;
    return true;
  }

  #take(size: number): Uint8Array {
    const taken = this.#rest.subarray(0, size);
    this.#rest = this.#rest.subarray(size);
    return taken;
  }
}

/** How long the body behind a head is; without a length, it lasts as long as the connection. */
function lengthOf({ line, headers }: Head): number | "chunked" {
  if (headers.get("transfer-encoding")?.includes("chunked")) return "chunked";
  const length = headers.get("content-length");
  if (length !== null) return Number(length);
  return line.startsWith("HTTP/") ? Infinity : 0;
}

function answer(
  method: string,
  fault: {
    readonly answer: number;
    readonly body?: string;
    readonly headers?: Record<string, string>;
  },
): Uint8Array {
  const body = new TextEncoder().encode(method === "HEAD" ? "" : fault.body ?? "");
  const headers = Object.entries({ "Content-Length": String(body.length), ...fault.headers })
    .map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const head = new TextEncoder().encode(`HTTP/1.1 ${fault.answer} Fault\r\n${headers}\r\n`);
  return new Uint8Array([...head, ...body]);
}

function replace({ line, headers }: Head, replacements: Record<string, string>): Uint8Array {
  const all = new Headers(headers);
  for (const [name, value] of Object.entries(replacements)) all.set(name, value);
  const fields = [...all].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return new TextEncoder().encode(`${line}\r\n${fields}\r\n`);
}

function indexOf(bytes: Uint8Array, text: string): number {
  const wanted = new TextEncoder().encode(text);
  for (let at = bytes.indexOf(wanted[0]!); at >= 0; at = bytes.indexOf(wanted[0]!, at + 1)) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It was closed already.
  }
}
