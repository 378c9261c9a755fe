/**
 * Chooses the sentences that apply to a store, and makes a test of each.
 *
 * @module
 */

import { BlobRepository } from "../../lib/blob_repository.ts";
import { MetadataRepository, type Repository } from "../../lib/repository.ts";
import { blobCommitCases } from "./blob_commits.ts";
import { blobReaderCases } from "./blob_readers.ts";
import { blobStreamingCases } from "./blob_streaming.ts";
import { blobValueCases } from "./blob_values.ts";
import { deletingCases } from "./deleting.ts";
import { blobFailingCases, failingCases, metadataFailingCases } from "./failing.ts";
import { blobIdCases, idCases, metadataIdCases } from "./ids.ts";
import { keyCases } from "./keys.ts";
import { listingCases } from "./listing.ts";
import { metadataValueCases } from "./metadata_values.ts";
import { modelCases } from "./model.ts";
import type { RepositoryFixture, RepositoryTest, RepositoryTestOptions } from "./options.ts";
import { blobReopeningCases, metadataReopeningCases, reopeningCases } from "./reopening.ts";
import { revisionCases } from "./revisions.ts";
import { type Case, subjectOf } from "./subject.ts";
import { blobSubscribingCases, subscribingCases } from "./subscribing.ts";
import { blobWatchingCases, watchingCases } from "./watching.ts";

/** The cases that apply to every repository. */
const ANY: readonly Case[] = [
  ...idCases,
  ...keyCases,
  ...listingCases,
  ...deletingCases,
  ...subscribingCases,
  ...watchingCases,
  ...revisionCases,
  ...reopeningCases,
  ...failingCases,
  ...modelCases,
];
/** Those that apply where values are bytes. */
const BLOB: readonly Case<BlobRepository>[] = [
  ...blobIdCases,
  ...blobValueCases,
  ...blobStreamingCases,
  ...blobCommitCases,
  ...blobReaderCases,
  ...blobSubscribingCases,
  ...blobWatchingCases,
  ...blobReopeningCases,
  ...blobFailingCases,
];
/** Those that apply where values are data. */
const METADATA: readonly Case<MetadataRepository>[] = [
  ...metadataIdCases,
  ...metadataValueCases,
  ...metadataReopeningCases,
  ...metadataFailingCases,
];

/**
 * The tests of a store, for any test runner: the contract, one test a sentence.
 *
 * @param options The store.
 * @returns The tests, independent of each other.
 * @throws {TypeError} If a debt names no test of this store.
 */
export async function repositoryTests(options: RepositoryTestOptions): Promise<RepositoryTest[]> {
  const tests = await withFixture(options, (fixture) => {
    const { repository } = fixture;
    const any = testsOf(ANY, repository, fixture, options, (given) => given);
    if (repository instanceof BlobRepository) {
      return [...any, ...testsOf(BLOB, repository, fixture, options, blob)];
    }
    if (repository instanceof MetadataRepository) {
      return [...any, ...testsOf(METADATA, repository, fixture, options, metadata)];
    }
    return any;
  });
  const debts = new Map(
    options.skip?.map(({ test, reason }) => [`${options.name}: ${test}`, reason]),
  );
  for (const name of debts.keys()) {
    if (!tests.some((test) => test.name === name)) {
      throw new TypeError(
        `Cannot skip ${JSON.stringify(name)}: there is no such test; remove it or correct its name`,
      );
    }
  }
  return tests.map((test) => {
    const reason = debts.get(test.name);
    return reason === undefined
      ? test
      : { ...test, name: `${test.name} (skipped: ${reason})`, ignore: true };
  });
}

/**
 * Registers the tests of a store with `Deno.test`. To be awaited, because one store is made beforehand to see what it is.
 *
 * @param options The store.
 * @throws {TypeError} If a debt names no test of this store.
 */
export async function testRepository(options: RepositoryTestOptions): Promise<void> {
  for (const test of await repositoryTests(options)) Deno.test(test);
}

function testsOf<R extends Repository>(
  cases: readonly Case<R>[],
  sample: R,
  fixture: RepositoryFixture,
  options: RepositoryTestOptions,
  narrow: (repository: Repository) => R,
): RepositoryTest[] {
  const probe = subjectOf(sample, fixture, options);
  return cases.filter(({ applies }) => applies === undefined || applies(probe)).map((
    { sentence, run },
  ) => ({
    name: `${options.name}: ${sentence}`,
    ignore: false,
    fn: () =>
      withFixture(options, async (fixture) => {
        const subject = subjectOf(narrow(fixture.repository), fixture, options);
        await subject.repository.validate();
        await run(subject);
      }),
  }));
}

async function withFixture<T>(
  options: RepositoryTestOptions,
  use: (fixture: RepositoryFixture) => T | Promise<T>,
): Promise<T> {
  const fixture = await options.create();
  try {
    return await use(fixture);
  } finally {
    await fixture.dispose?.();
  }
}

function blob(repository: Repository): BlobRepository {
  if (repository instanceof BlobRepository) return repository;
  throw new TypeError(
    `Cannot test ${repository}: "create" made a BlobRepository before, and now something else`,
  );
}

function metadata(repository: Repository): MetadataRepository {
  if (repository instanceof MetadataRepository) return repository;
  throw new TypeError(
    `Cannot test ${repository}: "create" made a MetadataRepository before, and now something else`,
  );
}
