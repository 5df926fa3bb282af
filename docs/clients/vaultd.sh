#!/bin/sh
# A vaultd client in shell: curl and jq, JSON over HTTP.
#
#   vaultd.sh status
#   vaultd.sh create OWNER/NAME [TYPE]
#   vaultd.sh encrypt OWNER/NAME < plaintext > ciphertext
#   vaultd.sh decrypt < ciphertext > plaintext
#
# An error goes to standard error by its stable code and ends the script with the code's class.
set -eu

socket=${VAULTD_SOCKET:-}
if [ -z "$socket" ]; then
    socket=${XDG_RUNTIME_DIR:-$HOME/.local/state}/vaultd/vaultd.sock
    [ -n "${XDG_RUNTIME_DIR:-}" ] || socket=$HOME/.local/state/vaultd/run/vaultd.sock
    [ -S "$socket" ] || socket=/run/vaultd/vaultd.sock
fi

# call METHOD: the request's JSON on standard input, the answer's on standard output.
call() {
    answer=$(curl --silent --show-error --unix-socket "$socket" \
        --header 'Content-Type: application/json' --data-binary @- \
        "http://vaultd/vaultd.v1.VaultService/$1") || exit 9
    if printf '%s' "$answer" | jq --exit-status 'has("details") or has("code")' >/dev/null; then
        printf '%s' "$answer" | jq --raw-output '(.details[0].debug.code // .code) + ": " + .message' >&2
        exit "$(printf '%s' "$answer" | jq '.details[0].debug.exit // 1')"
    fi
    printf '%s' "$answer"
}

command=${1:?which command?}
shift
case $command in
status)
    answer=$(echo '{}' | call Status)
    printf '%s\n' "$answer" | jq .
    ;;
create)
    answer=$(jq --null-input --arg name "$1" --arg type "${2:-}" '{name: $name, type: $type}' | call CreateKey)
    printf '%s\n' "$answer" | jq .key
    ;;
encrypt)
    # The plaintext goes by pipes only, so that no list of processes shows it.
    answer=$(base64 -w0 | jq --raw-input --slurp --arg key "$1" '{key: $key, plaintext: .}' | call Encrypt)
    printf '%s' "$answer" | jq --raw-output .ciphertext
    ;;
decrypt)
    answer=$(jq --raw-input --slurp '{ciphertext: rtrimstr("\n")}' | call Decrypt)
    printf '%s' "$answer" | jq --raw-output '.plaintext // ""' | base64 -d
    ;;
*)
    echo "unknown command: $command" >&2
    exit 2
    ;;
esac
