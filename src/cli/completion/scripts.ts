/** What each shell needs to ask for candidates; a candidate may have a description after a tab. */

const bash = `# bash completion for gantry
_gantry() {
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}") line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <(gantry completion candidates -- "\${words[@]}" 2>/dev/null)
  [ \${#COMPREPLY[@]} -gt 0 ] || compopt -o default
}
complete -F _gantry gantry
`;

const zsh = `#compdef gantry
_gantry() {
  local -a lines described
  local line
  lines=("\${(@f)$(gantry completion candidates -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $lines; do
    [[ -n $line ]] && described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( \${#described} )); then _describe gantry described; else _files; fi
}
compdef _gantry gantry
`;

const fish = `# fish completion for gantry
function __gantry_complete
  set -l words (commandline -opc) (commandline -ct)
  gantry completion candidates -- $words[2..-1] 2>/dev/null
end
complete -c gantry -f -a '(__gantry_complete)'
complete -c gantry -n 'test (count (__gantry_complete)) -eq 0' -F
`;

export const completionScripts: ReadonlyMap<string, string> = new Map([
  ['bash', bash],
  ['zsh', zsh],
  ['fish', fish],
]);
