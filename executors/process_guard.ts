/**
 * Ends processes when this program has ended, however that came.
 *
 * @module
 */

/**
 * Learns numbers of processes that lead a group each, a line for each that begins (`+`) or has ended (`-`). Of those that
 * have ended it ends what is left of the group; at the end, all groups that are left.
 */
const SCRIPT = `
trap '' INT TERM HUP
pids=' '
while read -r change pid; do
  case $change in
    +) pids="$pids$pid " ;;
    -)
      kill -s KILL -- "-$pid"
      pids="\${pids%% $pid *} \${pids#* $pid }"
      ;;
  esac
done
for pid in $pids; do kill -s KILL -- "-$pid"; done
`;

interface Shell {
  readonly child: Deno.ChildProcess;
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
}

/**
 * A shell that knows which processes are to end with this program, together with those that they have started and that
 * have not left their group. It sees that by the end of its standard input, which comes even if the program is killed.
 */
export class ProcessGuard {
  #shell: Shell | undefined;
  #count = 0;

  /**
   * Takes in that a process, which leads a group of its own, is to end with this program. Does nothing where the program
   * may start no shell.
   */
  add(pid: number): void {
    this.#count++;
    this.#tell(`+ ${pid}\n`);
  }

  /**
   * Takes in that a process has ended: what it has started and left behind is ended as well. Resolves, if it was the last,
   * when the shell has ended.
   */
  async remove(pid: number): Promise<void> {
    this.#tell(`- ${pid}\n`);
    if (--this.#count > 0) return;
    const shell = this.#shell;
    this.#shell = undefined;
    if (shell === undefined) return;
    shell.child.ref();
    await shell.writer.close().catch(() => {}); // it is not needed any more, whatever has become of it
    await shell.child.status;
  }

  #tell(line: string): void {
    this.#shell ??= this.#start();
    this.#shell?.writer.write(new TextEncoder().encode(line)).catch(() => {}); // as well as it can be done
  }

  #start(): Shell | undefined {
    if (Deno.build.os === "windows") return undefined;
    if (Deno.permissions.querySync({ name: "run", command: "sh" }).state !== "granted") {
      return undefined;
    }
    const child = new Deno.Command("sh", {
      args: ["-c", SCRIPT],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
      detached: true, // Ctrl-C is for this program to handle
    }).spawn();
    child.unref();
    return { child, writer: child.stdin.getWriter() };
  }
}
