/**
 * The tags of a repository of container images, as a registry has them.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";
import { access, type Accessor } from "../lib/session.ts";
import { warn } from "../lib/warnings.ts";
import type { DockerRegistry } from "./docker_registry.ts";
import type { LockedNote } from "./locked_notes.ts";
import { deadDeletions, noteDeletion } from "./registry_deletions.ts";
import { faultsOf, objectOf, RegistryError, storeError } from "./registry_errors.ts";
import { digestOf, type EmptyImage, emptyImage, IMAGE_TYPES } from "./registry_images.ts";

/** How many tags to ask for at once. Some registries give no more, and some give all. */
const PAGE = 1000;

/** Whose tags they are. */
export interface RegistryTagsOptions {
  /** What they are called in messages. */
  readonly owner: { toString(): string };
  /** The registry, or what gives it when it is needed. */
  readonly registry: Accessor<DockerRegistry>;
  /** The name of the repository in it. */
  readonly repository: string;
  /** Called with each tag that was taken away. */
  readonly onDelete: (tag: string) => void;
}

/** The tags of one repository of images. */
export class RegistryTags {
  /** How many requests were sent for them. */
  requests = 0;
  readonly #owner: { toString(): string };
  readonly #registry: Accessor<DockerRegistry>;
  readonly #repository: string;
  readonly #onDelete: (tag: string) => void;
  #lastDeletion: Promise<void> = Promise.resolve();
  #deletable: Promise<void> | undefined;

  /**
   * Asks for nothing.
   *
   * @param options Whose tags they are.
   */
  constructor({ owner, registry, repository, onDelete }: RegistryTagsOptions) {
    this.#owner = owner;
    this.#registry = registry;
    this.#repository = repository;
    this.#onDelete = onDelete;
  }

  /** All of them. */
  async *list(): AsyncGenerator<string, void, undefined> {
    const seen = new Set<string>();
    let next: string | undefined = this.#path(`tags/list?n=${PAGE}`);
    while (next !== undefined) {
      const place: string = next;
      if (seen.has(place)) {
        throw new StoreError(
          `Cannot list ${this.#owner}: the registry does not come to an end; see that it works`,
        );
      }
      seen.add(place);
      const page = await this.#attempt(`list ${this.#owner}`, () => this.#page(place));
      yield* page.tags;
      next = page.next;
    }
  }

  /** Whether there is an image with a tag. */
  async holds(job: string): Promise<boolean> {
    return await this.#attempt(`look for "${job}" in ${this.#owner}`, () => this.#isThere(job));
  }

  /** Takes a tag away. */
  async delete(job: string): Promise<void> {
    const doing = `delete "${job}" from ${this.#owner}`;
    // One at a time: the registry of Docker overlooks tags while others are taken away.
    const deletion = this.#lastDeletion.then(() => this.#attempt(doing, () => this.#delete(job)));
    this.#lastDeletion = deletion.catch(() => {});
    await deletion;
  }

  /** Makes sure that the registry answers, and lets this user in. */
  async probe(): Promise<void> {
    await this.#attempt(`use ${this.#owner}`, () => this.#page(this.#path("tags/list?n=1")));
  }

  /** Takes the tags away that a run on this machine was about to take away when it was killed. */
  async endDeletions(): Promise<void> {
    for (const dead of deadDeletions(access(this.#registry).url.href, this.#repository)) {
      const { tag, digest, note } = dead;
      try {
        await this.#deleteDigest(digest);
        this.#onDelete(tag);
      } catch (error) {
        if (!(error instanceof RegistryError && error.status === 404)) { // else there is nothing left of it
          note.release();
          warn(storeError(`end the deletion of "${tag}" from ${this.#owner}`, error).message);
          continue;
        }
      }
      note.remove();
    }
  }

  async #page(path: string): Promise<TagPage> {
    const answer = await this.#send("GET", path);
    const body = await answer.text();
    if (answer.status === 404 && faultsOf(body) !== undefined) return { tags: [], next: undefined };
    const { tags: told } = objectOf(body) ?? {};
    const tags: unknown = told === null ? [] : told; // when the last one was deleted
    if (answer.status !== 200 || !Array.isArray(tags)) throw errorOf(answer, body);
    return { tags: tags.map(String), next: nextOf(answer) };
  }

  async #isThere(job: string): Promise<boolean> {
    const path = this.#path(`manifests/${job}`);
    const head = await this.#send("HEAD", path, { accept: IMAGE_TYPES });
    // Without the digest, anything could have said so.
    if (isManifest(head) && head.headers.has("docker-content-digest")) return true;
    if (head.status !== 200 && head.status !== 404) throw errorOf(head, "");
    return await this.#manifest(job) !== undefined;
  }

  async #delete(job: string): Promise<void> {
    const original = await this.#manifest(job);
    // A tag whose image is gone is listed all the same, and is moved to an image that can be deleted.
    if (original === undefined && !await this.#isListed(job)) return;
    await this.#checkDeletable();
    const empty = await emptyImage();
    const note = this.#note(job, empty.digest);
    try {
      await this.#push(empty, job);
      await this.#deleteDigest(empty.digest);
    } catch (error) {
      let isThere: boolean;
      try {
        isThere = await this.#restore(job, empty, original);
      } catch {
        note?.release();
        const { message } = storeError(`delete "${job}" from ${this.#owner}`, error);
        throw new StoreError(`${message}; until it is deleted, the tag may name an empty image`, {
          cause: error,
        });
      }
      note?.remove();
      if (isThere) throw error; // else another process has taken it away, or only the answer was lost
      this.#onDelete(job);
      return;
    }
    note?.remove();
    this.#onDelete(job);
  }

  /** Moves a tag from the empty image back to what it named; false if there is no such tag any more. */
  async #restore(job: string, empty: EmptyImage, original?: Manifest): Promise<boolean> {
    const found = await this.#manifest(job);
    if (found === undefined) return false;
    if (original === undefined || await digestOf(found.bytes) !== empty.digest) return true;
    const headers = { "content-type": original.type };
    const put = await this.#send("PUT", this.#path(`manifests/${job}`), headers, original.bytes);
    await this.#expect(201, put);
    return true;
  }

  #note(tag: string, digest: string): LockedNote | undefined {
    const repository = this.#repository;
    return noteDeletion({ place: access(this.#registry).url.href, repository, tag, digest });
  }

  /** What a tag names; undefined if there is no such tag, or no image any more that it names. */
  async #manifest(job: string): Promise<Manifest | undefined> {
    const answer = await this.#send("GET", this.#path(`manifests/${job}`), { accept: IMAGE_TYPES });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const body = new TextDecoder().decode(bytes);
    if (isManifest(answer) && saysManifest(body)) {
      return { bytes, type: answer.headers.get("content-type") ?? "" };
    }
    // It is not there if a registry says so, which takes words.
    if (answer.status === 404 && faultsOf(body) !== undefined) return undefined;
    throw errorOf(answer, body);
  }

  async #isListed(job: string): Promise<boolean> {
    for await (const tag of this.list()) if (tag === job) return true;
    return false;
  }

  /** Shows, once, that the registry deletes at all, before a tag is moved for it. */
  async #checkDeletable(): Promise<void> {
    this.#deletable ??= (async () => {
      const empty = await emptyImage();
      await this.#push(empty);
      await this.#deleteDigest(empty.digest);
    })();
    try {
      await this.#deletable;
    } catch (error) {
      this.#deletable = undefined;
      throw error;
    }
  }

  /** Pushes an empty image, with a tag or without. */
  async #push(image: EmptyImage, tag?: string): Promise<void> {
    const { config, configDigest, manifest, manifestType, digest } = image;
    const blob = await this.#send("HEAD", this.#path(`blobs/${configDigest}`));
    if (blob.status === 404) await this.#pushBlob(config, configDigest);
    else if (blob.status !== 200) throw errorOf(blob, "");
    const path = this.#path(`manifests/${tag ?? digest}`);
    await this.#expect(
      201,
      await this.#send("PUT", path, { "content-type": manifestType }, manifest),
    );
  }

  async #pushBlob(blob: Uint8Array<ArrayBuffer>, digest: string): Promise<void> {
    const begun = await this.#send("POST", this.#path("blobs/uploads/"));
    await this.#expect(202, begun);
    const place = begun.headers.get("location");
    if (place === null) throw new RegistryError(begun.status, "without a place to upload to");
    const url = new URL(place, begun.url);
    url.searchParams.set("digest", digest);
    const type = { "content-type": "application/octet-stream" };
    await this.#expect(201, await this.#send("PUT", url.href, type, blob));
  }

  async #deleteDigest(digest: string): Promise<void> {
    await this.#expect(202, await this.#send("DELETE", this.#path(`manifests/${digest}`)));
  }

  async #expect(status: number, answer: Response): Promise<void> {
    const body = await answer.text();
    if (answer.status !== status) throw errorOf(answer, body);
  }

  #path(rest: string): string {
    return `/v2/${this.#repository}/${rest}`;
  }

  #send(
    method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE",
    path: string,
    headers?: Record<string, string>,
    body?: Uint8Array<ArrayBuffer>,
  ): Promise<Response> {
    const actions = { GET: "pull", HEAD: "pull", POST: "pull,push", PUT: "pull,push" };
    const action = method === "DELETE" ? "delete" : actions[method];
    return access(this.#registry).send({
      method,
      path,
      scope: `repository:${this.#repository}:${action}`,
      onSend: () => this.requests++,
      ...headers !== undefined && { headers },
      ...body !== undefined && { body },
    });
  }

  async #attempt<T>(doing: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw error instanceof StoreError ? error : storeError(doing, error);
    }
  }
}

/** What a tag names. */
interface Manifest {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Its MIME type. */
  readonly type: string;
}

/** A page of tags. */
interface TagPage {
  readonly tags: readonly string[];
  /** Where the next one is. */
  readonly next: string | undefined;
}

/** Whether an answer is that of a registry which has the image, and not a page for people. */
function isManifest({ status, headers }: Response): boolean {
  return status === 200 && /json|jws/.test(headers.get("content-type") ?? "json");
}

/** Whether a text is a manifest: it tells at least of which kind it is. */
function saysManifest(body: string): boolean {
  const { schemaVersion, mediaType } = objectOf(body) ?? {};
  return typeof schemaVersion === "number" || typeof mediaType === "string";
}

/** Where the next page is, by the header that says so. */
function nextOf(answer: Response): string | undefined {
  const [, target] = /<([^>]*)>\s*;[^,]*\brel="?next\b/i.exec(answer.headers.get("link") ?? "") ??
    [];
  return target === undefined ? undefined : new URL(target, answer.url).href;
}

function errorOf({ status }: Response, body: string): RegistryError {
  const faults = faultsOf(body) ?? [];
  return new RegistryError(
    status,
    faults.map(({ code, message }) => `${code} ${message}`.trim()).join(", "),
  );
}
