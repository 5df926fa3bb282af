// Package service makes vaultd a service of the system that it runs on: it
// installs, removes and controls it through systemd, launchd or the Windows
// service manager. The files are those of package packaging, with the path of the
// program in them; nothing is made up here. It never touches a vault's data.
//
// It is the only package that imports the service library, which writes one file,
// turns it on and off and asks for its state. What the library does not know is
// done here: the socket unit, the account, the checks before anything is written,
// and taking back what was written when a step fails.
package service
