//go:build linux

package faultfs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Image is a directory tree at rest: what is on the disk while no machine runs.
type Image struct {
	Mode  fs.FileMode
	Files map[string]*File // by slash-separated path below the root; directories too
}

// File is one entry of an Image.
type File struct {
	Mode fs.FileMode // with fs.ModeDir for a directory
	UID  uint32
	GID  uint32
	Data []byte
}

// ReadImage takes an image of a directory on a real disk.
func ReadImage(dir string) (*Image, error) {
	img := &Image{Mode: 0o700, Files: map[string]*File{}}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if relative == "." {
			img.Mode = info.Mode().Perm()
			return nil
		}
		f := &File{Mode: info.Mode()}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			f.UID, f.GID = st.Uid, st.Gid
		}
		switch {
		case info.IsDir():
		case info.Mode().IsRegular():
			if f.Data, err = os.ReadFile(name); err != nil {
				return err
			}
		default:
			return nil // sockets do not outlive a machine
		}
		img.Files[filepath.ToSlash(relative)] = f
		return nil
	})
	return img, err
}

// WriteTo makes the image a directory on a real disk. The directory must not exist.
func (img *Image) WriteTo(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for _, name := range sortedKeys(img.Files) {
		f, target := img.Files[name], filepath.Join(dir, filepath.FromSlash(name))
		if f.Mode.IsDir() {
			if err := os.Mkdir(target, 0o700); err != nil {
				return err
			}
		} else if err := os.WriteFile(target, f.Data, 0o600); err != nil {
			return err
		}
		if err := os.Chmod(target, f.Mode.Perm()); err != nil {
			return err
		}
	}
	return os.Chmod(dir, img.Mode)
}

// String lists the image, one line a file.
func (img *Image) String() string {
	var b strings.Builder
	for _, name := range sortedKeys(img.Files) {
		fmt.Fprintf(&b, "%v %9d %s\n", img.Files[name].Mode, len(img.Files[name].Data), name)
	}
	return b.String()
}

// image turns directories and a way to read contents into an Image.
func image(root *inode, names func(*inode) map[string]*inode, data func(*content) []byte) *Image {
	img := &Image{Mode: fs.FileMode(root.mode).Perm(), Files: map[string]*File{}}
	var walk func(dir *inode, prefix string)
	walk = func(dir *inode, prefix string) {
		for _, name := range sortedKeys(names(dir)) {
			n := names(dir)[name]
			f := &File{Mode: fs.FileMode(n.mode).Perm(), UID: n.uid, GID: n.gid}
			img.Files[prefix+name] = f
			if n.isDir() {
				f.Mode |= fs.ModeDir
				walk(n, prefix+name+"/")
			} else {
				f.Data = data(n.content)
			}
		}
	}
	walk(root, "")
	return img
}

// load fills an empty tree with the image, everything durable.
func (t *tree) load(img *Image) {
	t.root().mode = syscall.S_IFDIR | uint32(img.Mode.Perm())
	dirs := map[string]*inode{"": t.root()}
	for _, name := range sortedKeys(img.Files) {
		f := img.Files[name]
		kind := uint32(syscall.S_IFREG)
		if f.Mode.IsDir() {
			kind = syscall.S_IFDIR
		}
		n := t.newInode(kind|uint32(f.Mode.Perm()), f.UID, f.GID)
		if n.isDir() {
			n.links++
			dirs[name] = n
		} else {
			n.content = contentOf(f.Data)
		}
		above, base := "", name
		if cut := strings.LastIndexByte(name, '/'); cut >= 0 {
			above, base = name[:cut], name[cut+1:]
		}
		t.record(&change{node: n, to: dirs[above], name: base, durable: true})
	}
	for _, c := range t.log {
		c.apply(durable)
	}
	t.log = nil
}
