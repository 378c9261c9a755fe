/**
 * What tells that journals on another machine grow.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";
import type { SshProcess } from "./ssh_api.ts";
import type { SshHost } from "./ssh_host.ts";
import { watchJournals } from "./ssh_scripts.ts";
import { giveUp, startRemote } from "./ssh_shell.ts";

/** Watches the journals of a manager, by a program there that is started anew when the connection was lost. */
export class SshWatcher {
  readonly #host: SshHost;
  readonly #onNotice: () => void;
  #isWanted = false;
  #watching: Promise<void> = Promise.resolve();
  #process: SshProcess | undefined;

  /**
   * Makes it; nothing is watched.
   *
   * @param host The machine.
   * @param onNotice Called when a journal has grown, and at the beginning.
   */
  constructor(host: SshHost, onNotice: () => void) {
    this.#host = host;
    this.#onNotice = onNotice;
  }

  /** Begins to watch the journals that are there. */
  begin(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    this.#watching = this.#watching.then(() => this.#watch());
  }

  /** Watches no more. */
  async end(): Promise<void> {
    this.#isWanted = false;
    if (this.#process !== undefined) giveUp(this.#process);
    await this.#watching;
  }

  async #watch(): Promise<void> {
    for (let isLost = true; isLost && this.#isWanted;) {
      try {
        // It waits for a shell, and so for the folder and the connection.
        const process = await this.#host.ask(
          "watch its jobs",
          ({ base }) => startRemote(this.#host.client, watchJournals(base)),
        );
        this.#process = process;
        if (!this.#isWanted) giveUp(process);
        for await (const _chunk of process.stdout) this.#onNotice();
        isLost = await process.status.then(() => false, () => true);
      } catch (error) { // whoever looks at the jobs is told
        if (!(error instanceof StoreError)) throw error;
      }
    }
  }
}
