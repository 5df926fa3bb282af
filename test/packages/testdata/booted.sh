#!/bin/bash
# Runs as a unit of a systemd that was booted for it, and says what is so and
# what is not: "ok WHAT", "not ok WHAT", and "done" at the end.
exec >/packages/result 2>&1
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive HOME=/root
cd /

check() {
	local what=$1
	shift
	if "$@" >/var/tmp/out 2>&1; then
		echo "ok $what"
	else
		echo "not ok $what: $*"
		cat /var/tmp/out
	fi
}
not() { ! "$@"; }
says() { # says WHAT COMMAND...
	local want=$1
	shift
	"$@" 2>&1 | tee /var/tmp/said | grep -q -- "$want" || { cat /var/tmp/said; return 1; }
}
install_deb() { dpkg --install --force-depends "/packages/$1" >/var/tmp/installed 2>&1; }
as() { # as USER COMMAND...
	local user=$1
	shift
	setpriv --reuid "$user" --regid "$user" --init-groups env -u XDG_RUNTIME_DIR HOME=/nonexistent "$@"
}
round_trip() { [ "$(echo hello | "$@" vaultctl --no-start encrypt mail | "$@" vaultctl --no-start decrypt)" = hello ]; }

echo correct horse battery >/var/tmp/password
for user in ann ben cleo; do useradd --no-create-home "$user"; done

check "older installs" install_deb older.deb
check "the socket is there" systemctl is-active vaultd.socket
check "the daemon runs" systemctl is-active vaultd.service
check "both come back at boot" systemctl is-enabled vaultd.socket vaultd.service
check "init" vaultctl --no-start init --password-file /var/tmp/password
for user in ann ben cleo; do
	check "$user makes a key" as "$user" vaultctl --no-start key create mail
	check "$user uses it" round_trip as "$user"
done
check "a stranger's key is refused" not as ann vaultctl --no-start key show ben/mail
# The name of a dynamic user is told by systemd alone, through the C library.
check "a unit with a dynamic user has keys" systemd-run --quiet --wait --pipe -p DynamicUser=yes -p User=ephemeral \
	vaultctl --no-start key create mail
usermod --append --groups vaultd cleo
check "the group administers" as cleo vaultctl --no-start key show ann/mail

# Upgrade under load. The client is a copy: it is the daemon's turn to change.
cp /usr/bin/vaultctl /var/tmp/client
echo 0 >/var/tmp/asked
(
	n=0
	while [ ! -e /var/tmp/enough ]; do
		/var/tmp/client --no-start whoami >/var/tmp/answer 2>&1 || { echo "request $n"; cat /var/tmp/answer; } >>/var/tmp/refused
		n=$((n + 1))
		echo $n >/var/tmp/asked
	done
) &
loop=$!
before=$(systemctl show --property MainPID --value vaultd.service)
check "newer installs" install_deb now.deb
check "the upgrade says that the vault is sealed" grep -q "vaultctl unseal" /var/tmp/installed
touch /var/tmp/enough
wait $loop
check "there was load" test "$(cat /var/tmp/asked)" -gt 10
check "no request failed" not cat /var/tmp/refused
check "another daemon runs" test "$before" != "$(systemctl show --property MainPID --value vaultd.service)"
check "it is the newer one" says "1\.0\.0" vaultctl --no-start status
check "sealed is what clients are told" says sealed as ann vaultctl --no-start key show mail
check "unseal" vaultctl --no-start unseal --password-file /var/tmp/password
check "ann's key is there" round_trip as ann

# The same with a vault that unseals by itself, and clients that use a key.
check "a key file" vaultctl --no-start slot add key-file /etc/vaultd/unseal.key --password-file /var/tmp/password
printf '[unseal]\nkey_file = "/etc/vaultd/unseal.key"\n' >>/etc/vaultd/vaultd.toml
systemctl restart vaultd.service
check "it unsealed itself" round_trip as ann
rm -f /var/tmp/enough
echo 0 >/var/tmp/asked
(
	n=0
	while [ ! -e /var/tmp/enough ]; do
		echo hello | as ben /var/tmp/client --no-start encrypt mail >/var/tmp/answer 2>&1 && as ben /var/tmp/client --no-start decrypt </var/tmp/answer >/dev/null 2>/var/tmp/why ||
			{ echo "use $n"; cat /var/tmp/answer /var/tmp/why; } >>/var/tmp/failed
		n=$((n + 1))
		echo $n >/var/tmp/asked
	done
) &
loop=$!
before=$(systemctl show --property MainPID --value vaultd.service)
check "newer installs under use" install_deb now.deb
touch /var/tmp/enough
wait $loop
check "there was use" test "$(cat /var/tmp/asked)" -gt 5
check "no use failed" not cat /var/tmp/failed
check "yet another daemon runs" test "$before" != "$(systemctl show --property MainPID --value vaultd.service)"

# What the administrator switched off stays off.
systemctl disable --now vaultd.service 2>/dev/null
check "newer installs again" install_deb now.deb
check "still switched off" not systemctl is-enabled vaultd.service
check "not started" not systemctl is-active vaultd.service

systemctl enable --now vaultd.service 2>/dev/null
check "remove" dpkg --remove vaultd
check "the socket is gone" not test -e /run/vaultd/vaultd.sock
check "nothing runs" not pgrep -x vaultd
check "the keys are there" test -e /var/lib/vaultd/header
check "installs after remove" install_deb now.deb
check "and finds them" round_trip as ann
check "a file that opens backups is named" says "left /etc/vaultd/unseal.key" dpkg --purge vaultd
check "the keys are gone" not test -e /var/lib/vaultd
left() { find /etc/systemd /var/lib/systemd/deb-systemd-helper-enabled /run/systemd/system /run/vaultd -name '*vaultd*' ! -name 'vaultd-test*' 2>/dev/null; }
check "no trace of the units" test -z "$(left)"
journalctl --no-pager --boot --unit vaultd.service --unit vaultd.socket >/packages/journal
echo done
systemctl poweroff
