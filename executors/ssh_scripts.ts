/**
 * What shells on other machines are told.
 *
 * @module
 */

import { shquote } from "./sh.ts";

/** Why a folder could not be taken. */
export const REFUSALS: ReadonlyMap<string, string> = new Map([
  ["link", "it is a symbolic link; move it away or choose another one with the option remotePath"],
  [
    "owner",
    "it belongs to another user; move it away or choose another one with the option remotePath",
  ],
  ["tools", 'the machine has no program "flock" or "setsid"; install util-linux there'],
]);

/**
 * What finds out the folder in which everything is kept.
 *
 * @param path Where it is to be; relative to the user's home folder, if it does not begin with a slash.
 * @param app Its name.
 * @returns Script that sets `base`.
 */
export function findBase(path: string | undefined, app: string): string {
  const start = path === undefined
    ? `"\${XDG_STATE_HOME:-$HOME/.local/state}/datatask"`
    : path.startsWith("/")
    ? shquote(path)
    : `"$HOME/"${shquote(path)}`;
  return `base=${start}/${shquote(app)}`;
}

/**
 * What starts a shell that holds a folder: in one line. The shell around it has the lock, for as long as the other one
 * runs; jobs do not inherit it.
 *
 * A lock is taken away from a shell of the same program, which has lost its connection, and from one that was not heard of
 * for three minutes: its program may be gone without that the machine has noticed. That shell is killed, so that it
 * starts nothing any more.
 *
 * @param base What sets `base`.
 * @param program Names this program's use of the folder, and no other.
 * @returns The line. If the folder cannot be taken, what is said instead is the reason.
 */
export function lockedShell(base: string, program: string): string {
  return oneLine(`
    exec 5>&2 2>&1;
    fail() { printf '%s\\n' "$1"; exit 1; };
    ${base};
    mask=$(umask);
    umask 077;
    command -v flock > /dev/null && command -v setsid > /dev/null || fail tools;
    mkdir -p -- "$base" || exit 1;
    [ ! -L "$base" ] || fail link;
    [ -O "$base" ] || fail owner;
    chmod go-rwx -- "$base" || exit 1;
    exec 9<> "$base/.lock" || exit 1;
    tries=0;
    until flock -n 9; do
      tries=$((tries + 1));
      if [ "$tries" -eq 10 ]; then
        read -r owner pid start who < "$base/.lock";
        if [ "$owner" = ${program} ] || [ -n "$(find "$base/.lock" -mmin +2)" ]; then
          set -- $(cat "/proc/$pid/stat");
          if [ "\${22}" = "$start" ]; then kill -s KILL "$pid"; fi;
        fi;
      elif [ "$tries" -ge 20 ]; then
        read -r owner pid start who < "$base/.lock";
        fail "held $who";
      fi;
      sleep 0.1;
    done;
    umask "$mask";
    /bin/sh 2>&5 5>&- 9>&-`);
}

/**
 * What a shell is told before all else. Wrappers of jobs tell of ends by what was its standard error.
 */
export const PRELUDE = "exec 4>&2 2> /dev/null\n_dt_umask=$(umask)\numask 077\ncd /\n";

/**
 * What tells who a shell is: the folder; its process; the leader of its session.
 *
 * @param base What sets `base`.
 * @returns The script.
 */
export function introduction(base: string): string {
  return `${base}
read -r stat < /proc/self/stat
set -- $stat
printf '%s\\n' "$base" "$stat"
cat "/proc/$6/stat"`;
}

/**
 * What tells which processes there are: the boot, and a line for each, which begins with its file.
 *
 * @param processes Which ones; all, if it is not given.
 * @returns The script.
 */
export function processTable(processes: readonly number[] | undefined): string {
  const files = processes === undefined
    ? "/proc/[0-9]*/stat"
    : processes.map((pid) => `/proc/${pid}/stat`).join(" ");
  const grep = files === "" ? "" : `\nLC_ALL=C grep -H '' ${files}`;
  return `read -r boot < /proc/sys/kernel/random/boot_id\nprintf '%s\\n' "$boot"${grep}\n:`;
}

/** The code of {@linkcode readFile} when there is no file. */
export const NO_FILE = 66;

/**
 * What reads a file.
 *
 * @param path The file.
 * @param offset How many bytes of it to leave out.
 * @param limit How many bytes to read at most; all, if it is not given.
 * @returns The script.
 */
export function readFile(path: string, offset: number, limit?: number): string {
  const file = shquote(path);
  const read = limit === undefined
    ? `tail -c +${offset + 1} -- ${file} 2>&1`
    : offset === 0
    ? `head -c ${limit} -- ${file} 2>&1`
    : `tail -c +${offset + 1} -- ${file} | head -c ${limit}`;
  return `if [ -e ${file} ]; then ${read}; else (exit ${NO_FILE}); fi`;
}

/**
 * What appends lines to a file. No write is so long that others could come between its parts.
 *
 * @param path The file.
 * @param lines The lines, each between newlines.
 * @param again Whether they may have been written before: then they are not, if the last one is there.
 * @returns The script.
 */
export function appendLines(path: string, lines: string, again: boolean): string {
  const chunks: string[] = [];
  let chunk = "";
  for (const line of lines.split(/(?<=\.\n)(?=\n)/)) {
    if (chunk.length + line.length > MAX_WRITE) {
      chunks.push(chunk);
      chunk = "";
    }
    chunk += line;
  }
  const file = shquote(path);
  const writes = [...chunks, chunk].map((chunk) => `printf '%s' ${shquote(chunk)}`).join(" &&\n");
  const last = lines.trim().split("\n").at(-1)!;
  const guard = again ? `grep -qxF -- ${shquote(last)} ${file} ||\n` : "";
  return `${guard}{ ${writes}; } 2>&1 >> ${file}`;
}

/** A pipe, and a shell's buffer, take at least as many bytes at once. */
const MAX_WRITE = 4000;

/**
 * What starts jobs.
 *
 * @param lines What `startLine` has made of them.
 * @returns The lines. If they are cut off, they do nothing.
 */
export function startJobs(lines: string): string {
  return `{\numask "$_dt_umask"\n${lines}umask 077\n} < /dev/null >&4 4>&-\n`;
}

/**
 * What writes something whenever journals grow, until its standard input ends: in one line. It begins with the last byte
 * of each, and so misses nothing.
 *
 * @param base The folder in which they are.
 * @returns The line.
 */
export function watchJournals(base: string): string {
  return oneLine(`
    cd -- ${shquote(base)} || exit;
    exec 2> /dev/null;
    tail -q -c 1 -f .journal-* < /dev/null &
    cat > /dev/null;
    kill "$!"`);
}

function oneLine(script: string): string {
  return script.trim().replaceAll(/\n\s*/g, " ");
}
