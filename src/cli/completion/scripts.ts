/** What each shell needs to ask for candidates; a candidate may have a description after a tab, and `:files` stands for names of files. */

/**
 * Bash cuts words at `:` and `=` too, but the command line does not: so the line is cut at spaces here, and what bash holds for the words before
 * is taken off the candidates again.
 */
const bash = `# bash completion for gantry
_gantry() {
  local line="\${COMP_LINE:0:COMP_POINT}" part="\${COMP_WORDS[COMP_CWORD]}" candidate word files=
  local -a words=()
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  word="\${words[-1]}"
  [[ $part == [=:] ]] && part=
  local prefix="\${word%"$part"}"
  COMPREPLY=()
  while IFS= read -r candidate; do
    candidate="\${candidate%%$'\\t'*}"
    if [[ $candidate == :files ]]; then files=1; else COMPREPLY+=("\${candidate#"$prefix"}"); fi
  done < <("\${words[0]}" completion candidates -- "\${words[@]:1}" 2>/dev/null)
  if [[ $files ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -f -- "$part")
  fi
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *[=:,] ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -F _gantry gantry
`;

const zsh = `#compdef gantry
_gantry() {
  local -a texts shown open
  local line text files=
  for line in "\${(@f)$("\${words[1]}" completion candidates -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    text="\${line%%$'\\t'*}"
    [[ -n $text ]] || continue
    if [[ $text == :files ]]; then files=1
    elif [[ $text == *[=:,] ]]; then open+=("$text")
    else
      texts+=("$text")
      if [[ $line == *$'\\t'* ]]; then shown+=("$text  -- \${line#*$'\\t'}"); else shown+=("$text"); fi
    fi
  done
  (( \${#open} )) && compadd -S '' -- "\${open[@]}"
  (( \${#texts} )) && compadd -l -d shown -- "\${texts[@]}"
  [[ -n $files ]] && _files
}
if [[ $funcstack[1] == _gantry ]]; then _gantry "$@"; else compdef _gantry gantry; fi
`;

const fish = `# fish completion for gantry
function __gantry_candidates
  set -l words (commandline -opc) (commandline -ct)
  for line in ($words[1] completion candidates -- $words[2..-1] 2>/dev/null)
    if test "$line" = ':files'
      __fish_complete_path (commandline -ct)
    else
      printf '%s\\n' $line
    end
  end
end
complete -c gantry -f -a '(__gantry_candidates)'
`;

export const completionScripts: ReadonlyMap<string, string> = new Map([
  ['bash', bash],
  ['zsh', zsh],
  ['fish', fish],
]);
