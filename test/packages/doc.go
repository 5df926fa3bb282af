// Package packages looks into the packages that packaging/build made, and
// installs, upgrades and removes them.
//
// VAULTD_PACKAGES names the directory they are in; without it only the scripts
// in the source are looked at. VAULTD_OLDER_PACKAGES names one with packages of
// an older version, to upgrade from. `make packages-test` sets both. What needs
// a tool or root that is not there is skipped.
package packages
