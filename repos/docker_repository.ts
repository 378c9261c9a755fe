/**
 * The tags of a repository of container images.
 *
 * @module
 */

import { JobIdRule } from "../lib/job_id.ts";
import { Repository, type ValidateOptions } from "../lib/repository.ts";
import type { Accessor } from "../lib/session.ts";
import type { DockerRegistry } from "./docker_registry.ts";
import type { RegistryTags } from "./registry_tags.ts";

/** A tag has at most 128 characters. Made when it is needed, which it seldom is. */
let tagRule: JobIdRule | undefined;

/** What a repository can be called in a registry. */
const NAME = /^[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/;

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
 * that cannot be deleted, the tag is moved back. A program that is killed, or loses the registry, between these two
 * requests leaves a tag that names an empty image, which `validate` in a later run on this machine takes away; until
 * then, and elsewhere, the tag is listed.
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
  override readonly jobIds: JobIdRule = tagRule ??= new JobIdRule({ maxLength: 128 });
  /** The domain of the registry, as it stands in names of images. */
  readonly domain: string;
  /** The name of the repository in the registry. */
  readonly repository: string;
  readonly #registry: Accessor<DockerRegistry>;
  #tags: RegistryTags | undefined;
  #opening: Promise<RegistryTags> | undefined;

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
    const tags = this.#tags ??= await this.#open();
    yield* tags.list();
  }

  /** Whether there is an image with the tag. */
  override async contains(job: string): Promise<boolean> {
    this.check(job);
    const tags = this.#tags ??= await this.#open();
    return await tags.holds(job);
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
    const tags = this.#tags ??= await this.#open();
    await tags.delete(job);
  }

  /**
   * Makes sure that the registry answers, and lets this user in. A repository is made by the first push to it. If it may
   * be written, ends the deletions of a run on this machine that was killed.
   *
   * @param options Whether it may be written.
   * @throws {StoreError} If it cannot be used.
   */
  override async validate(options: ValidateOptions = {}): Promise<void> {
    const { create = true } = options;
    const tags = this.#tags ??= await this.#open();
    await tags.probe();
    if (create) await tags.endDeletions();
  }

  /** How many requests it has sent. */
  override requestCount(): number {
    return this.#tags?.requests ?? 0;
  }

  /** Its class and the name of the repository, the domain included. */
  override toString(): string {
    return `<${this.constructor.name} ${this.domain}/${this.repository}>`;
  }

  /** Loads what talks to the registry the first time. */
  #open(): Promise<RegistryTags> {
    return this.#opening ??= import("./registry_tags.ts").then(({ RegistryTags }) =>
      new RegistryTags({
        owner: this,
        registry: this.#registry,
        repository: this.repository,
        onDelete: (job) => this.changed({ type: "delete", job }),
      })
    );
  }
}
