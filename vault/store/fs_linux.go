package store

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// space returns the bytes free for this user and the size of the file system.
func space(dir string) (free, total int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, fmt.Errorf("statfs: %w", err)
	}
	return int64(st.Bavail) * st.Frsize, int64(st.Blocks) * st.Frsize, nil
}

// Magic numbers of statfs(2) that name a network or cluster file system.
var networkMagic = map[uint32]string{
	0x00006969: "nfs", 0x0000517b: "smb", 0xff534d42: "cifs", 0xfe534d42: "smb3", 0x5346414f: "afs",
	0x6b414653: "kafs", 0x00c36400: "ceph", 0x01021997: "9p", 0x73757245: "coda", 0x0000564c: "ncp",
	0x0bd00bd0: "lustre", 0x47504653: "gpfs", 0x01161970: "gfs2", 0x7461636f: "ocfs2", 0x19830326: "beegfs",
	0xaad7aaea: "panfs", 0xbacbacbc: "vmhgfs", 0x786f4256: "vboxsf",
}

const fuseMagic = 0x65735546

// FUSE serves local and remote files alike; the subtype tells them apart.
var networkFUSE = []string{
	"sshfs", "s3fs", "rclone", "glusterfs", "ceph", "gcsfuse", "davfs", "curlftpfs", "goofys", "mfs", "juicefs",
	"blobfuse", "seaweedfs", "nfs", "smb", "gvfsd",
}

func networkFS(dir string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "", fmt.Errorf("statfs: %w", err)
	}
	magic := uint32(st.Type)
	if magic != fuseMagic {
		return networkMagic[magic], nil
	}
	subtype := fuseSubtype(dir)
	for _, s := range networkFUSE {
		if strings.Contains(subtype, s) {
			return subtype, nil
		}
	}
	return "", nil
}

// fuseSubtype finds the type of dir's mount, like "fuse.sshfs", in
// /proc/self/mountinfo by its device number. It is empty if that can't be read.
func fuseSubtype(dir string) string {
	var st unix.Stat_t
	if unix.Stat(dir, &st) != nil {
		return ""
	}
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	device := fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev))
	for lines := bufio.NewScanner(f); lines.Scan(); {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		fields := strings.Fields(before)
		if ok && len(fields) > 2 && fields[2] == device {
			fstype, _, _ := strings.Cut(after, " ")
			return fstype
		}
	}
	return ""
}
