/**
 * Scripts that teach shells to complete the words of a command line.
 *
 * They know nothing of the pipeline: they call the program back with the verb `__complete` and the words so far. The
 * words of the pipeline begin behind the program, and behind the file of the pipeline if that is named first
 * (`datatask pipeline.ts ls`). Each line that comes back is a word and, behind a tab, what it is.
 *
 * @module
 */

import { didYouMean } from "./suggest.ts";
import { UsageError } from "./usage_error.ts";

/** Words that name the file of a pipeline, as a pattern that the three shells have in common. */
const FILES = ["*/*", "*.ts", "*.mts", "*.tsx", "*.js", "*.mjs", "*.jsx"];

/** The shells there are scripts for. */
const SHELLS = ["bash", "zsh", "fish"] as const;

/** A shell that there is a script for. */
type Shell = (typeof SHELLS)[number];

/** Names of programs that can stand in a script as they are. */
const PROGRAM = /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/;

/**
 * The script that teaches a shell to complete the command line of a pipeline.
 *
 * @param shell `bash`, `zsh` or `fish`.
 * @param name The name of the program.
 * @returns The script.
 * @throws {UsageError} If there is no script for the shell, or `name` cannot be the name of a pipeline's program.
 */
export function completions(shell: string, name: string = "datatask"): string {
  const known = SHELLS.find((known) => known === shell);
  if (known === undefined) {
    throw new UsageError(
      `There are no completions for "${shell}"${didYouMean(shell, SHELLS, "shells")}`,
    );
  }
  if (!PROGRAM.test(name)) {
    throw new UsageError(
      `"${name}" is no name for a program: use letters, digits, ".", "_" and "-"`,
    );
  }
  if (name === "deno") {
    throw new UsageError(
      `Completions for "deno" would run any script whose arguments are being typed: define a function such as ` +
        `pipeline() { deno run -A pipeline.ts "$@"; } and take completions for its name`,
    );
  }
  return completionScript(known, name);
}

function completionScript(shell: Shell, name: string): string {
  const functionName = `_${name.replaceAll(/[^A-Za-z0-9]/g, "_")}_complete`;
  switch (shell) {
    case "bash":
      return bash(name, functionName);
    case "zsh":
      return zsh(name, functionName);
    case "fish":
      return fish(name, functionName);
  }
}

function bash(name: string, functionName: string): string {
  return `# Completions of ${name} for bash. To be read by ~/.bashrc.
${functionName}() {
  local at=1 word
  COMPREPLY=()
  while [[ $at -lt $COMP_CWORD && \${COMP_WORDS[at]} == -* ]]; do at=$((at + 1)); done
  case \${COMP_WORDS[at]} in ${FILES.join(" | ")}) at=$((at + 1)) ;; esac
  [[ $at -le $COMP_CWORD ]] || return
  while IFS=$'\\t' read -r word _; do
    COMPREPLY+=("$word")
  done < <("\${COMP_WORDS[@]:0:at}" __complete -- "\${COMP_WORDS[@]:at:COMP_CWORD-at+1}" 2>/dev/null </dev/null)
}
complete -o default -F ${functionName} ${name}
`;
}

function zsh(name: string, functionName: string): string {
  return `#compdef ${name}
# Completions of ${name} for zsh. To be read by ~/.zshrc, behind compinit.
${functionName}() {
  local at=2 line
  local -a candidates
  while (( at < CURRENT )) && [[ $words[at] == -* ]]; do (( at += 1 )); done
  case $words[at] in (${FILES.join("|")}) (( at += 1 )) ;; esac
  if (( at <= CURRENT )); then
    for line in "\${(@f)$("\${(@Q)words[1,at-1]}" __complete -- "\${(@Q)words[at,CURRENT]}" 2>/dev/null </dev/null)}"; do
      [[ -n $line ]] && candidates+=("\${line/$'\\t'/:}")
    done
  fi
  if (( $#candidates )); then _describe ${name} candidates; else _files; fi
}
compdef ${functionName} ${name}
`;
}

function fish(name: string, functionName: string): string {
  return `# Completions of ${name} for fish. To be kept as ~/.config/fish/completions/${name}.fish.
function ${functionName}
    set -l words (commandline -opc) (commandline -ct)
    set -l at 2
    while test $at -lt (count $words); and string match -q -- '-*' $words[$at]
        set at (math $at + 1)
    end
    for pattern in ${FILES.map((pattern) => `'${pattern}'`).join(" ")}
        if string match -q -- $pattern "$words[$at]"
            set at (math $at + 1)
            break
        end
    end
    set -l found
    if test $at -le (count $words)
        set -l program $words[1..(math $at - 1)]
        set found ($program __complete -- $words[$at..-1] 2>/dev/null </dev/null)
    end
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c ${name} -f -a '(${functionName})'
`;
}
