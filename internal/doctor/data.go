package doctor

import "context"

// What a data folder needs, in bytes: the journal alone takes some tens of MiB.
const (
	littleSpace = 1 << 30
	noSpace     = 100 << 20
)

// data looks at the data folder.
func (v *visit) data(context.Context) {
	dir := v.Config.DataDir
	f, err := v.Folder(dir)
	switch {
	case err != nil:
		v.problem([]string{"ls -ld " + dir}, "data_dir %s cannot be looked at: %v", dir, err)
		return
	case !f.IsDir:
		v.problem(nil, "data_dir %s: %s is a file, not a folder", dir, f.Path)
		return
	case !f.Writable:
		v.problem([]string{"install -d -m 700 -o $(id -un) " + dir + "    # as root; or run the node as the folder's owner"},
			"data_dir %s: this user may not write in %s", dir, f.Path)
		return
	}
	if f.Exists && f.Mode.Perm()&0o077 != 0 {
		v.warn([]string{"chmod 700 " + dir}, "data_dir %s can be opened by others (mode %04o): it holds keys and passwords", dir, f.Mode.Perm())
	}
	switch {
	case f.Free < noSpace:
		v.problem([]string{"df -h " + f.Path}, "data_dir %s: %d MiB are free, which is too little", dir, f.Free>>20)
	case f.Free < littleSpace:
		v.warn([]string{"df -h " + f.Path}, "data_dir %s: only %d MiB are free", dir, f.Free>>20)
	}
	if v.fine() {
		v.ok("data_dir %s is writable, %d GiB are free", dir, f.Free>>30)
	}
}
