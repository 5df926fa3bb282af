//go:build linux

package packages

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shells complete "vaultctl sta" by the package's file alone.
var shells = []struct{ name, file, script string }{
	{"bash", "usr/share/bash-completion/completions/vaultctl", `
		set -u
		[ ! -r /usr/share/bash-completion/bash_completion ] || { set +u; . /usr/share/bash-completion/bash_completion; }
		. "$FILE"
		complete -p vaultctl
		declare -F _get_comp_words_by_ref >/dev/null || { echo "status (bash-completion is not installed, so only loaded)"; exit 0; }
		COMP_WORDS=(vaultctl sta) COMP_CWORD=1 COMP_LINE="vaultctl sta" COMP_POINT=12 COMP_TYPE=9
		__start_vaultctl vaultctl
		printf '%s\n' "${COMPREPLY[@]}"`},
	{"zsh", "usr/share/zsh/vendor-completions/_vaultctl", `
		fpath=(${FILE:h} $fpath)
		autoload -Uz compinit && compinit -u -D
		[[ ${_comps[vaultctl]} == _vaultctl ]] || exit 3
		autoload +X _vaultctl || exit 4
		zmodload zsh/zpty
		zpty asked zsh -f -i
		zpty -w asked "PS1=; fpath=(${FILE:h} \$fpath); autoload -Uz compinit; compinit -u -D; zstyle ':completion:*' list-colors ''; stty cols 200; print REA''DY"
		zpty -r asked line '*READY*' || exit 5
		zpty -n -w asked $'vaultctl sta\t'
		zpty -r asked line '*status*' || exit 6
		print -r -- "$line"
		zpty -d asked`},
	{"fish", "usr/share/fish/vendor_completions.d/vaultctl.fish", `
		source $FILE
		complete -C "vaultctl sta"`},
}

func TestCompletionsLoad(t *testing.T) {
	root := extracted(t)
	for _, shell := range shells {
		t.Run(shell.name, func(t *testing.T) {
			needTool(t, shell.name)
			args := map[string][]string{"bash": {"--norc", "-c"}, "zsh": {"-f", "-c"}, "fish": {"--no-config", "-c"}}[shell.name]
			out := run(t, []string{
				"FILE=" + filepath.Join(root, shell.file), "HOME=" + t.TempDir(), "TERM=dumb",
				"PATH=" + filepath.Join(root, "usr/bin") + ":" + os.Getenv("PATH"),
			}, "timeout", append([]string{"20", shell.name}, append(args, shell.script)...)...)
			if !strings.Contains(out, "status") {
				t.Errorf("no status among %q", out)
			}
		})
	}
}
