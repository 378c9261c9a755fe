/**
 * Repositories of images in the real registry, for tests.
 *
 * @module
 */

import { DockerRegistry, type DockerRegistryOptions, DockerRepository } from "../../mod.ts";
import { registryServer } from "../servers.ts";

/** A new repository of images, without tags when it is disposed of. */
export class TestImages implements AsyncDisposable {
  readonly name: string = `datatask/${crypto.randomUUID()}`;
  readonly host: string;
  readonly #digests = new Set<string>();
  readonly #pushed = new Map<string, Promise<{ size: number; digest: string }>>();

  /**
   * Names it; nothing is made.
   *
   * @param host Where the registry is, if something stands in front of it.
   */
  constructor(host: string = registryServer.variables.host) {
    this.host = host;
  }

  /** Its tags. */
  repository(options: DockerRegistryOptions = {}): DockerRepository {
    const { user: username, password } = registryServer.variables;
    const registry = new DockerRegistry(this.host, { username, password, ...options });
    return new DockerRepository(registry, this.host, this.name);
  }

  /** Pushes an image with a layer of this content, under all these tags. Returns its digest. */
  async push(content: string, ...tags: string[]): Promise<string> {
    const config = await this.#pushOnce(`{"architecture":"amd64","os":"linux"}`);
    const layer = await this.#pushOnce(content);
    const mediaType = "application/vnd.docker.distribution.manifest.v2+json";
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: { mediaType: "application/vnd.docker.container.image.v1+json", ...config },
      layers: [{ mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip", ...layer }],
    });
    for (const tag of tags) {
      const headers = { "content-type": mediaType };
      await this.#ask("PUT", `manifests/${tag}`, { body: manifest, headers });
    }
    const digest = await digestOf(manifest);
    this.#digests.add(digest);
    return digest;
  }

  /** The digest of what a tag names; undefined if it names nothing. */
  async digest(tag: string): Promise<string | undefined> {
    const headers = { accept: "application/vnd.docker.distribution.manifest.v2+json" };
    const { status, headers: told } = await this.#send("GET", `manifests/${tag}`, { headers });
    return status === 200 ? told.get("docker-content-digest") ?? undefined : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // With an image, all its tags go.
    for (const digest of this.#digests) await this.#send("DELETE", `manifests/${digest}`, {});
  }

  /** The registry has no tolerance for the same blob being pushed several times at once. */
  #pushOnce(content: string): Promise<{ size: number; digest: string }> {
    const pushed = this.#pushed.get(content) ?? this.#pushBlob(content);
    this.#pushed.set(content, pushed);
    return pushed;
  }

  async #pushBlob(content: string): Promise<{ size: number; digest: string }> {
    const digest = await digestOf(content);
    const begun = await this.#ask("POST", "blobs/uploads/");
    const place = new URL(begun.headers.get("location")!);
    place.host = registryServer.variables.host;
    place.searchParams.set("digest", digest);
    await this.#ask("PUT", place.href, { body: content });
    return { size: new TextEncoder().encode(content).length, digest };
  }

  async #ask(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    const answer = await this.#send(method, path, init);
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
    return answer;
  }

  async #send(method: string, path: string, init: RequestInit): Promise<Response> {
    const { host, user, password } = registryServer.variables;
    const url = new URL(path, `http://${host}/v2/${this.name}/`);
    const headers = { ...init.headers, authorization: `Basic ${btoa(`${user}:${password}`)}` };
    const answer = await fetch(url, { ...init, method, headers });
    await answer.body?.cancel();
    return answer;
  }
}

async function digestOf(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `sha256:${new Uint8Array(hash).toHex()}`;
}
