/**
 * Servers that a test has to itself, to stop and kill them.
 *
 * @module
 */

const SCRIPT = new URL("../scripts/servers/servers", import.meta.url).pathname;

/** A real server of its own, which is gone when it is disposed of. */
export class OwnServer implements AsyncDisposable {
  readonly #name: string;
  readonly #state: string;
  #variables: ReadonlyMap<string, string> = new Map();

  private constructor(name: string, state: string) {
    this.#name = name;
    this.#state = state;
  }

  /** Starts one, by its name in `scripts/servers/README.md`. */
  static async start(name: string): Promise<OwnServer> {
    const state = await Deno.makeTempDir({ prefix: "datatask-server-" });
    const server = new OwnServer(name, state);
    try {
      await server.up();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The variables that say how to reach it. */
  variable(name: string): string {
    const value = this.#variables.get(name);
    if (value === undefined) throw new Error(`${this.#name} has no variable ${name}`);
    return value;
  }

  /** The folder of its data. */
  get folder(): string {
    return `${this.#state}/${this.#name}`;
  }

  /** Starts it again, with the same address and data. */
  async up(): Promise<void> {
    const lines = (await this.#call("up", this.#name)).trim().split("\n");
    this.#variables = new Map(
      lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );
  }

  /** Stops it, lets it go on, or kills it. */
  async signal(signal: "STOP" | "CONT" | "KILL"): Promise<void> {
    await this.#call("signal", signal, this.#name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#call("down");
    await Deno.remove(this.#state, { recursive: true });
  }

  async #call(...args: string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command(SCRIPT, {
      args,
      env: { DATATASK_SERVERS_STATE: this.#state },
    }).output();
    if (success) return new TextDecoder().decode(stdout);
    throw new Error(`servers ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
}
