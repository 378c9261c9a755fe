/**
 * The tags of a repository of container images.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";
import { JobIdRule } from "../lib/job_id.ts";
import { Repository } from "../lib/repository.ts";
import { access, type Accessor } from "../lib/session.ts";
import type { DockerRegistry } from "./docker_registry.ts";
import { faultsOf, objectOf, RegistryError, storeError } from "./registry_errors.ts";

/** A tag has at most 128 characters. */
const TAG_RULE = new JobIdRule({ maxLength: 128 });

/** What a repository can be called in a registry. */
const NAME = /^[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/;

/** How many tags to ask for at once. Some registries give no more, and some give all. */
const PAGE = 1000;

/** How an image is named to those who pull it or push it. */
export interface DockerImageInfo {
  /** With the domain of the registry. */
  readonly withdomain: string;
  /** Without it. */
  readonly withoutdomain: string;
}

/**
 * A repository whose keys are the tags of a repository of container images: `moby` is there when an image was pushed with
 * the tag `moby`. What is pushed and pulled is up to the jobs, which are given the name of the image.
 *
 * A repository to which nothing was ever pushed is empty. Deleting takes the tag only, and leaves other tags of the same
 * image, as does the original: registries delete by digest, so the tag is first moved to an empty image of its own. If
 * the registry fails in between, the tag names that one, until it is deleted again.
 *
 * @example Usage
 * ```ts
 * import { DockerRegistry, DockerRepository } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const registry = new DockerRegistry("docker.io");
 * const images = new DockerRepository(registry, "docker.io", "library/registry");
 * strictEqual((await images.info("2.8.2")).withdomain, "docker.io/library/registry:2.8.2");
 * ```
 */
export class DockerRepository extends Repository<DockerImageInfo> {
  /** As a tag may be: up to 128 characters of the usual ones. */
  override readonly jobIds: JobIdRule = TAG_RULE;
  /** The domain of the registry, as it stands in names of images. */
  readonly domain: string;
  /** The name of the repository in the registry. */
  readonly repository: string;
  readonly #registry: Accessor<DockerRegistry>;
  #requests = 0;
  #lastDeletion: Promise<void> = Promise.resolve();
  #deletable: Promise<void> | undefined;

  /**
   * Makes a repository. The registry is not asked for anything.
   *
   * @param registry The registry, or a function that gives it when it is needed.
   * @param domain The domain by which jobs name it.
   * @param repository The name of the repository in it.
   * @throws {TypeError} If `repository` is no such name.
   */
  constructor(registry: Accessor<DockerRegistry>, domain: string, repository: string) {
    super();
    if (!NAME.test(repository)) {
      throw new TypeError(
        `Cannot use ${JSON.stringify(repository)} as a repository of images: ` +
          'use lower-case letters and digits, separated by "/", ".", "_" or "-"',
      );
    }
    this.#registry = registry;
    this.domain = domain;
    this.repository = repository;
  }

  /** The tags. */
  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    const seen = new Set<string>();
    let next: string | undefined = this.#path(`tags/list?n=${PAGE}`);
    while (next !== undefined) {
      const place: string = next;
      if (seen.has(place)) {
        throw new StoreError(
          `Cannot list ${this}: the registry does not come to an end; see that it works`,
        );
      }
      seen.add(place);
      const page = await this.#attempt(`list ${this}`, () => this.#tags(place));
      yield* page.tags;
      next = page.next;
    }
  }

  /** Whether there is an image with the tag. */
  override async contains(job: string): Promise<boolean> {
    this.check(job);
    return await this.#attempt(`look for "${job}" in ${this}`, () => this.#isThere(job));
  }

  /** The names of the image, whether it is there or not. */
  override info(job: string): Promise<DockerImageInfo> {
    return Promise.try(() => {
      this.check(job);
      const withoutdomain = `${this.repository}:${job}`;
      return { withdomain: `${this.domain}/${withoutdomain}`, withoutdomain };
    });
  }

  /**
   * Takes the tag away. Other tags of the same image stay.
   *
   * @throws {JobIdError} If `job` is no tag.
   * @throws {StoreError} If the registry does not support it, or fails.
   */
  override async delete(job: string): Promise<void> {
    this.check(job);
    const doing = `delete "${job}" from ${this}`;
    // One at a time: the registry of Docker overlooks tags while others are taken away.
    const deletion = this.#lastDeletion.then(() => this.#attempt(doing, () => this.#delete(job)));
    this.#lastDeletion = deletion.catch(() => {});
    await deletion;
  }

  /** Makes sure that the registry answers, and lets this user in. A repository is made by the first push to it. */
  override async validate(): Promise<void> {
    await this.#attempt(`use ${this}`, () => this.#tags(this.#path("tags/list?n=1")));
  }

  /** How many requests it has sent. */
  override requestCount(): number {
    return this.#requests;
  }

  /** Its class and the name of the repository, the domain included. */
  override toString(): string {
    return `<${this.constructor.name} ${this.domain}/${this.repository}>`;
  }

  async #tags(path: string): Promise<TagPage> {
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
    const { IMAGE_TYPES } = await import("./registry_images.ts");
    const accept = { accept: IMAGE_TYPES };
    const head = await this.#send("HEAD", path, accept);
    if (isManifest(head)) return true;
    if (head.status !== 404) throw errorOf(head, "");
    // It is not there if a registry says so, which takes words.
    const answer = await this.#send("GET", path, accept);
    const body = await answer.text();
    if (isManifest(answer)) return true;
    if (answer.status === 404 && faultsOf(body) !== undefined) return false;
    throw errorOf(answer, body);
  }

  async #delete(job: string): Promise<void> {
    // A tag whose image is gone is listed all the same, and is moved to an image that can be deleted.
    if (!await this.#isThere(job) && !await this.#isListed(job)) return;
    await this.#checkDeletable();
    const digest = await this.#pushEmpty(job);
    try {
      await this.#deleteDigest(digest);
    } catch (error) {
      if (await this.#isThere(job)) throw error; // else another process has taken it away
    }
    this.changed({ type: "delete", job });
  }

  async #isListed(job: string): Promise<boolean> {
    for await (const tag of this.unfilteredIter()) if (tag === job) return true;
    return false;
  }

  /** Shows, once, that the registry deletes at all, before a tag is moved for it. */
  async #checkDeletable(): Promise<void> {
    this.#deletable ??= (async () => this.#deleteDigest(await this.#pushEmpty()))();
    try {
      await this.#deletable;
    } catch (error) {
      this.#deletable = undefined;
      throw error;
    }
  }

  /** Pushes an empty image as no other is, with a tag or without; returns its digest. */
  async #pushEmpty(tag?: string): Promise<string> {
    const { emptyImage } = await import("./registry_images.ts");
    const { config, configDigest, manifest, manifestType, digest } = await emptyImage();
    const blob = await this.#send("HEAD", this.#path(`blobs/${configDigest}`));
    if (blob.status === 404) await this.#pushBlob(config, configDigest);
    else if (blob.status !== 200) throw errorOf(blob, "");
    const path = this.#path(`manifests/${tag ?? digest}`);
    await this.#expect(
      201,
      await this.#send("PUT", path, { "content-type": manifestType }, manifest),
    );
    return digest;
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
    return `/v2/${this.repository}/${rest}`;
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
      scope: `repository:${this.repository}:${action}`,
      onSend: () => this.#requests++,
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
