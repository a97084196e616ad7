package edge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ControlName is the control socket within the data folder.
const ControlName = "tollgate.sock"

// maxSocketPath is the longest path that fits into a socket address (unix(7)), less its final 0.
const maxSocketPath = 107

// ErrNoNode says that no node listens in a data folder.
var ErrNoNode = errors.New("no node is running")

// DialControl connects to the node whose data folder is dir.
func DialControl(ctx context.Context, dir string) (net.Conn, error) {
	path, release, err := socketPath(dir, ControlName)
	if err != nil {
		return nil, err
	}
	defer release()
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ECONNREFUSED):
		return nil, fmt.Errorf("%w with the data folder %s", ErrNoNode, dir)
	case errors.Is(err, unix.EACCES):
		return nil, fmt.Errorf("%s may not be opened: run this as the user that runs the node", filepath.Join(dir, ControlName))
	case err != nil:
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, ControlName), err)
	}
	return c, nil
}

// ListenControl makes the control socket in dir, for its owner only. A socket that a dead node
// left is replaced; a living one's is an error.
func ListenControl(dir string) (net.Listener, error) {
	if c, err := DialControl(context.Background(), dir); err == nil {
		_ = c.Close()
		return nil, errAnotherNode(dir)
	}
	const fresh = ControlName + ".new"
	path, release, err := socketPath(dir, fresh)
	if err != nil {
		return nil, err
	}
	defer release()
	made, final := filepath.Join(dir, fresh), filepath.Join(dir, ControlName)
	_ = os.Remove(made) // of a node that died just here
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
	if err != nil {
		return nil, fmt.Errorf("control socket in %s: %w", dir, err)
	}
	ln.SetUnlinkOnClose(false)
	// Closed to others before it has the name by which it is found.
	if err := errors.Join(os.Chmod(made, 0o600), os.Rename(made, final)); err != nil {
		return nil, errors.Join(fmt.Errorf("control socket in %s: %w", dir, err), ln.Close(), os.Remove(made))
	}
	return &controlListener{ln, final}, nil
}

func errAnotherNode(dir string) error {
	return fmt.Errorf("another node is running with the data folder %s: stop it, or give this one another data_dir", dir)
}

// controlListener removes its socket when it is closed.
type controlListener struct {
	*net.UnixListener
	path string
}

// Close stops listening.
func (l *controlListener) Close() error {
	return errors.Join(os.Remove(l.path), l.UnixListener.Close())
}

// socketPath gives a path to name in dir that fits into a socket address; release after use.
func socketPath(dir, name string) (path string, release func(), err error) {
	path = filepath.Join(dir, name)
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", dir, err)
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", fd, name), func() { _ = unix.Close(fd) }, nil
}
