// Package boot runs vaultd as what it is meant to be: a service of a Linux
// machine that boots. A real systemd starts in a container on a copy of this
// machine's files (an overlay, thrown away afterwards), with the units of this
// tree, and people and services use the vault there, restart it and reboot.
//
// It needs root, systemd-nspawn and a minute, so that it runs when it is
// asked for by VAULTD_BOOT=1, as 'make boot' does. With VAULTD_BOOT=long, as by
// 'make boot-long', the machine is rebooted for every kind of key slot.
package boot
