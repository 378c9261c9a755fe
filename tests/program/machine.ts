/**
 * A machine of its own for the program `datatask`: a folder, a cache, and servers of modules.
 *
 * With `DATATASK_TEST_PROGRAM` in the environment, the tests run that file instead of the modules here.
 */

import { join } from "node:path";

const root = new URL("../../", import.meta.url);

/** How the program ended, and what it wrote. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a server gives for a path: text of a module, or anything else. */
export type Routes = Record<string, string | ((request: Request) => Response | Promise<Response>)>;

const TYPES: Record<string, string> = {
  ts: "application/typescript",
  mts: "application/typescript",
  tsx: "text/tsx",
  js: "text/javascript",
  json: "application/json",
  txt: "text/plain",
};

/** A server of modules on loopback. */
export class ModuleServer implements AsyncDisposable {
  /** Its URL, with a slash at the end. */
  readonly url: string;
  /** The paths that it was asked for. */
  readonly requests: string[] = [];
  /** What it gives. */
  readonly routes: Routes;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #abort = new AbortController();

  constructor(routes: Routes, tls?: { readonly cert: string; readonly key: string }) {
    this.routes = routes;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {}, signal: this.#abort.signal, ...tls },
      (request) => this.#answer(request),
    );
    this.url = `${tls ? "https" : "http"}://127.0.0.1:${this.#server.addr.port}/`;
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    this.requests.push(pathname);
    const route = this.routes[pathname];
    if (route === undefined) return new Response("no such page", { status: 404 });
    if (typeof route !== "string") return await route(request);
    const type = TYPES[pathname.split(".").at(-1)!] ?? "application/octet-stream";
    return new Response(route, { headers: { "content-type": type } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#server.finished;
  }
}

/** A folder in which the program runs. */
export class Machine implements AsyncDisposable {
  readonly folder: string = Deno.makeTempDirSync();
  readonly cache: string = join(this.folder, "cache");
  readonly work: string = join(this.folder, "work");

  readonly #program: readonly string[];

  constructor(program: readonly string[] = Machine.program()) {
    this.#program = program;
    Deno.mkdirSync(this.work);
  }

  /** How the program is started, without its arguments. */
  static program(): string[] {
    const given = Deno.env.get("DATATASK_TEST_PROGRAM");
    if (given) return [given];
    const config = new URL("deno.json", root).pathname;
    return [
      Deno.execPath(),
      "run",
      "-A",
      "-q",
      "--config",
      config,
      new URL("cli.ts", root).pathname,
    ];
  }

  /** The program with some arguments. */
  command(args: readonly string[], options: Partial<Deno.CommandOptions> = {}): Deno.Command {
    const [program, ...before] = this.#program;
    return new Deno.Command(program!, {
      args: [...before, ...args],
      cwd: this.work,
      stdin: "null",
      ...options,
      env: { NO_COLOR: "1", DATATASK_CACHE: this.cache, ...options.env },
    });
  }

  /** Runs the program to its end. */
  async run(args: readonly string[], options: Partial<Deno.CommandOptions> = {}): Promise<Outcome> {
    const { code, stdout, stderr } = await this.command(args, options).output();
    return {
      code,
      stdout: new TextDecoder().decode(stdout),
      stderr: new TextDecoder().decode(stderr),
    };
  }

  /** Runs the program with something to read from standard input. */
  async runWith(input: string, args: readonly string[]): Promise<Outcome> {
    const child = this.command(args, { stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    return {
      code,
      stdout: new TextDecoder().decode(stdout),
      stderr: new TextDecoder().decode(stderr),
    };
  }

  /** Writes a file into the folder where the program runs. */
  async write(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(join(this.work, name), text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** The text of a pipeline of one job, which prints what an expression gives. */
export function pipelineText(expression: string, head: string = ""): string {
  return `
    import { InProcessMetadataRepository, InProcessSyncTask, Pipeline } from "@datatask/datatask";
    ${head}
    const input = new InProcessMetadataRepository(new Map([["one", 1]]));
    export default new Pipeline([
      new InProcessSyncTask("show", new InProcessMetadataRepository())
        .link("input", input, { isInput: true })
        .func(async () => console.log(JSON.stringify(await (${expression})))),
    ]);
  `;
}
