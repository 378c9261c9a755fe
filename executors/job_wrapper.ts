/**
 * What a shell runs for each job. One shell of a machine is told of many jobs; for each it forks a wrapper, which forks
 * the job, waits for it, and writes down how it ended, whatever has become of the program that asked for it.
 *
 * @module
 */

import { shquote } from "./sh.ts";

const NO_FILES = "its standard input, output or error cannot be opened";

/** With what a wrapper ends, before the job has begun: why it did not begin. */
export const NOT_STARTED: ReadonlyMap<number, string> = new Map([
  [1, NO_FILES], // the code of a shell that ends because of that, which most do
  [2, NO_FILES],
  [121, "its folder is gone"],
  [122, NO_FILES],
  [123, "its interpreter is missing or cannot be executed"],
  [124, "its start cannot be written to the journal"],
]);

/** The code of a job whose interpreter is missing. */
export const NO_INTERPRETER = 123;

/** The greatest length of one argument, in bytes, that Linux passes on. */
export const MAX_ARGUMENT = 128 * 1024 - 1;

/**
 * What waits for the end of what is left in a process group, for the grace time at most: group, and the process in it
 * that is not meant. What has ended may never be taken notice of, and counts for nothing; so it is read what there is.
 */
function waiting(grace: number): string {
  return `
_dt_any() {
  for _dt_file in /proc/[0-9]*/stat; do
    _dt_stat=
    while read -r _dt_line; do _dt_stat="$_dt_stat $_dt_line"; done < "$_dt_file"
    set -- "$1" "$2" \${_dt_stat##*) }
    if [ "$5" = "$1" ] && [ "$3" != Z ]; then
      _dt_stat=\${_dt_stat# }
      [ "\${_dt_stat%% *}" = "$2" ] || return 0
    fi
  done
  return 1
}
_dt_wait() {
  _dt_i=0
  while [ "$_dt_i" -lt ${Math.ceil(grace * 10)} ] && _dt_any "$1" "$2"; do
    sleep 0.1
    _dt_i=$((_dt_i + 1))
  done
}
`;
}

/**
 * What a shell is told first. It defines the function that starts a job.
 *
 * The subshell inside writes down its own identity before it becomes the job, in a session of its own by `setsid`; so
 * no script ever runs of which nothing is known. The subshell around it stays in the session of the shell, where no
 * signal to the job reaches it. When the job has ended, what it left behind in its process group is ended too. Its end
 * is written down until that succeeds: a full disk makes it wait. The last line, to standard output, wakes whoever
 * listens.
 *
 * The wrapper's errors go nowhere: a pipe to a program that has died would kill it.
 *
 * @param grace Seconds between TERM and KILL for what a job left behind.
 * @returns The lines.
 */
export function prologue(grace: number): string {
  return `
cd /
exec 2> /dev/null
_dt_setsid=$(command -v setsid)
${waiting(grace)}
_dt_left() {
  kill -s TERM -- "-$1"
  _dt_wait "$1"
  kill -s KILL -- "-$1"
}
_dt_job() {
  (
    (
      cd -- "$3/cwd" || exit 121
      {
        [ -z "$6" ] || [ -x "$6" ] || exit 123
        read -r _dt_stat < /proc/self/stat
        printf '\\nrun %s %s .\\n' "$2" "$_dt_stat" >> "$1" || exit 124
        [ "$5" != /dev/null ] || exec 2>&1
        eval "$7"
        shift 7
        exec "$_dt_setsid" "$@"
      } < "$4" > ../stdout 2> "$5"
      exit 122
    ) &
    wait "$!"
    _dt_code=$?
    if kill -s 0 -- "-$!"; then _dt_left "$!"; fi
    read -r _dt_up _dt_idle < /proc/uptime
    until printf '\\nexit %s %s %s .\\n' "$2" "$_dt_code" "$_dt_up" >> "$1"; do
      [ -e "$1" ] || exit
      sleep 1
    done
    echo
  ) &
}
`;
}

/**
 * What a shell is told first that is to run one job at a time, in a session of its own. As the {@linkcode prologue}, it
 * defines the function that starts a job; but the shell itself waits for the end, and no session need be made for each job.
 *
 * Its jobs are in its own process group, since most shells can make no other one. So when a job has ended, it tells that
 * group to end: what the job has left gets that signal, and so does it itself, which heeds none but KILL. That costs next
 * to nothing where nothing is left, while a look for it would cost more than the job. Whoever gives it jobs looks in a
 * cheaper way ({@linkcode Orphans}), and gives it no other one before what is left is gone. If nobody does, because the
 * program has ended, it looks itself before it ends, and ends the group by KILL after the grace time, itself included.
 *
 * A shell reads byte by byte, and a stat line takes it longer than all else that it does for a job: so what the job writes
 * down is its number, as the name of its folder of `/proc`, and that of the shell, in whose session it is.
 *
 * The job has none of the shell's own pipes, so that these end when the shell does. For a script without an interpreter
 * no other shell is started.
 *
 * @param grace Seconds between TERM and KILL for what a job left behind.
 * @returns The lines.
 */
export function oneAtATime(grace: number): string {
  return `
cd /
exec 2> /dev/null
trap : TERM PIPE
trap '' INT QUIT
${waiting(grace)}
trap '_dt_wait "$$" "$$"; kill -s KILL 0' EXIT
_dt_job() {
  (
    cd -P /proc/self
    _dt_pid=\${PWD#/proc/}
    cd /
    cd -- "$3/cwd" || exit 121
    exec < "$4" > ../stdout 2> "$5" || exit 122
    [ -z "$6" ] || [ -x "$6" ] || exit 123
    printf '\\nrun %s %s %s .\\n' "$2" "$_dt_pid" "$$" >> "$1" || exit 124
    [ "$5" != /dev/null ] || exec 2>&1
    eval "$7"
    if [ -z "$6" ]; then
      _dt_nothing=\${10}
      set --
      eval "$_dt_nothing"
      exit
    fi
    shift 7
    exec "$@"
  )
  _dt_code=$?
  kill -s TERM 0
  read -r _dt_up _dt_idle < /proc/uptime
  until printf '\\nexit %s %s %s .\\n' "$2" "$_dt_code" "$_dt_up" >> "$1"; do
    [ -e "$1" ] || exit
    sleep 1
  done
  echo
}
`;
}

/** What a shell that runs one job at a time is told when it has left nothing, to end without a look. */
export const NOTHING_LEFT = "trap - EXIT\n";

/** One job, as the wrapper needs it. */
export interface WrappedJob {
  /** The file to which its start and its end are appended. */
  readonly journal: string;
  /** What its lines there are known by. */
  readonly nonce: string;
  /** Its folder, in which `cwd` is. */
  readonly folder: string;
  /** What is its standard input. */
  readonly stdin: string;
  /** Whether its standard error goes where its standard output goes, and not to a file of its own. */
  readonly interleaved: boolean;
  /**
   * The interpreter that must be there. If it is not given, the command is `/bin/sh -c` with a script that a shell may
   * run in a process of its own as well.
   */
  readonly interpreter?: string | undefined;
  /** What is added to its environment. */
  readonly environ: Readonly<Record<string, string>>;
  /** The program and its arguments. */
  readonly command: readonly string[];
}

/**
 * What a shell that knows the {@linkcode prologue} is told to start a job. In braces: a shell that is cut off in the
 * middle of it does nothing.
 *
 * @param job The job.
 * @returns The lines.
 */
export function startLine(job: WrappedJob): string {
  const environ = Object.entries(job.environ)
    .map(([name, value]) => `${name}=${shquote(value)}`).join(" ");
  return `{ _dt_job ${
    shquote([
      job.journal,
      job.nonce,
      job.folder,
      job.stdin,
      job.interleaved ? "/dev/null" : "../stderr",
      job.interpreter ?? "",
      `export ${environ}`,
      ...job.command,
    ])
  }; }\n`;
}
