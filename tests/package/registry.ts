/**
 * A registry of JavaScript packages that holds this one, as it would be published.
 *
 * Publishing replaces the names of `imports` in deno.json by what they stand for; so does this.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Config {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  readonly publish: { readonly include: readonly string[] };
}

/** A registry on loopback. */
export class Registry implements AsyncDisposable {
  /** Its URL, for JSR_URL. */
  readonly url: string;
  /** The version of this package in it. */
  readonly version: string;
  readonly #files: ReadonlyMap<string, string>;
  readonly #config: Config;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(config: Config, files: ReadonlyMap<string, string>) {
    this.#config = config;
    this.#files = files;
    this.version = config.version;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => this.#answer(new URL(request.url).pathname),
    );
    this.url = `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** Publishes this package in a new registry. */
  static async start(): Promise<Registry> {
    const config: Config = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
    const files = new Map<string, string>();
    for (const name of config.publish.include) await addFiles(name, config.imports, files);
    return new Registry(config, files);
  }

  async #answer(path: string): Promise<Response> {
    const { name, version, exports } = this.#config;
    if (path === `/${name}/meta.json`) {
      return Response.json({ name, latest: version, versions: { [version]: {} } });
    }
    if (path === `/${name}/${version}_meta.json`) {
      const manifest: Record<string, { size: number; checksum: string }> = {};
      for (const [file, text] of this.#files) {
        const bytes = new TextEncoder().encode(text);
        const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
        manifest[`/${file}`] = { size: bytes.length, checksum: `sha256-${hash}` };
      }
      return Response.json({ manifest, exports });
    }
    const file = path.startsWith(`/${name}/${version}/`)
      ? path.slice(`/${name}/${version}/`.length)
      : "";
    const text = this.#files.get(file);
    if (text === undefined) return new Response("no such page", { status: 404 });
    const type = file.endsWith(".ts") ? "text/typescript" : "application/json";
    return new Response(text, { headers: { "content-type": type } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

async function addFiles(
  name: string,
  imports: Config["imports"],
  files: Map<string, string>,
): Promise<void> {
  const path = join(root, name);
  if ((await Deno.stat(path)).isDirectory) {
    for await (const entry of Deno.readDir(path)) {
      await addFiles(`${name}/${entry.name}`, imports, files);
    }
    return;
  }
  const text = await Deno.readTextFile(path);
  files.set(name, name.endsWith(".ts") ? published(text, imports) : text);
}

/** A module with what its imports stand for. */
function published(text: string, imports: Config["imports"]): string {
  let result = text;
  const { importedFiles } = ts.preProcessFile(text, true, true);
  for (const { fileName, pos } of importedFiles.toReversed()) {
    const target = imports[fileName];
    if (target === undefined) continue;
    result = result.slice(0, pos + 1) + target + result.slice(pos + 1 + fileName.length);
  }
  return result;
}
