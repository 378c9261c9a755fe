/**
 * A registry that does what the real one of the tests does not: pages, tokens, faults.
 *
 * @module
 */

/** What may stand in for the answer to a request. */
export type Answer = (request: Request) => Response | undefined | Promise<Response | undefined>;

/** A registry of one repository of images, which has tags and takes no pushes. */
export class StubRegistry implements AsyncDisposable {
  /** The tags, sorted as registries do. */
  readonly tags: string[];
  /** What was asked: method, path and query. */
  readonly asked: string[] = [];
  /** Asked first. */
  answer: Answer = () => undefined;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  /** Begins to listen. */
  constructor(tags: readonly string[] = []) {
    this.tags = [...tags].sort();
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        const { pathname, search } = new URL(request.url);
        this.asked.push(`${request.method} ${pathname}${search}`);
        return await this.answer(request) ?? this.#answer(request);
      },
    );
  }

  /** The host and port. */
  get host(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #answer(request: Request): Response {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname.endsWith("/tags/list")) {
      const last = searchParams.get("last");
      const from = last === null ? 0 : this.tags.findIndex((tag) => tag > last);
      const limit = Number(searchParams.get("n") ?? Infinity);
      const tags = from < 0 ? [] : this.tags.slice(from, from + limit);
      const more = from >= 0 && from + limit < this.tags.length;
      const next = `${pathname}?n=${limit}&last=${encodeURIComponent(tags.at(-1) ?? "")}`;
      return Response.json({ name: "library/moby", tags }, {
        headers: more ? { link: `<${next}>; rel="next"` } : {},
      });
    }
    const tag = pathname.split("/manifests/")[1];
    if (tag !== undefined && this.tags.includes(tag)) {
      const headers = { "docker-content-digest": `sha256:${"0".repeat(64)}` };
      return Response.json({ schemaVersion: 2 }, { headers });
    }
    return fault(404, "MANIFEST_UNKNOWN");
  }
}

/** An error in the words of a registry. */
export function fault(status: number, code: string, headers: HeadersInit = {}): Response {
  return Response.json({ errors: [{ code, message: "as the test wants" }] }, { status, headers });
}
