package flood

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// period is that of the CPU bandwidth controller, in microseconds: the kernel's usual one.
const period = 100_000

// Cgroup is a group of processes with a share of a core.
type Cgroup struct{ dir string }

// NewCgroup makes a group whose processes get so many hundredths of a core together, and not less
// where others want it.
// It needs root, and the cpu controller of cgroups v1 or v2.
func NewCgroup(name string, percent int) (*Cgroup, error) {
	parent, v2, err := cpuController()
	if err != nil {
		return nil, err
	}
	if v2 {
		// Fails where the parent has processes of its own and is not the root: said below.
		_ = os.WriteFile(filepath.Join(parent, "cgroup.subtree_control"), []byte("+cpu"), 0o600)
	}
	c := &Cgroup{filepath.Join(parent, name)}
	if err := os.Mkdir(c.dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("make a cgroup (as root, where cgroups may be written): %w", err)
	}
	// Beside whatever else runs it is to get just that, hence the highest weight.
	limit := [][2]string{{"cpu.cfs_period_us", strconv.Itoa(period)}, {"cpu.cfs_quota_us", strconv.Itoa(period / 100 * percent)}, {"cpu.shares", "262144"}}
	if v2 {
		limit = [][2]string{{"cpu.max", fmt.Sprintf("%d %d", period/100*percent, period)}, {"cpu.weight", "10000"}}
	}
	for _, l := range limit {
		if err := os.WriteFile(filepath.Join(c.dir, l[0]), []byte(l[1]), 0o600); err != nil {
			return nil, errors.Join(fmt.Errorf("hold a cgroup to %d%% of a core: %w", percent, err), os.Remove(c.dir))
		}
	}
	return c, nil
}

// Add puts a process with all its threads into the group.
func (c *Cgroup) Add(pid int) error {
	if err := os.WriteFile(filepath.Join(c.dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o600); err != nil {
		return fmt.Errorf("put process %d into a cgroup: %w", pid, err)
	}
	return nil
}

// Remove deletes the group once its processes have ended.
func (c *Cgroup) Remove() error {
	if err := os.Remove(c.dir); err != nil {
		return fmt.Errorf("remove a cgroup: %w", err)
	}
	return nil
}

// cpuController finds where groups with a share of CPU can be made.
func cpuController() (parent string, v2 bool, err error) {
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return "", false, fmt.Errorf("find the cgroups: %w", err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		mount := strings.Fields(lines.Text())
		if len(mount) < 4 {
			continue
		}
		switch options := strings.Split(mount[3], ","); mount[2] {
		case "cgroup":
			if slices.Contains(options, "cpu") {
				return mount[1], false, nil
			}
		case "cgroup2":
			list, err := os.ReadFile(filepath.Join(mount[1], "cgroup.controllers"))
			if err == nil && slices.Contains(strings.Fields(string(list)), "cpu") {
				return mount[1], true, nil
			}
		}
	}
	return "", false, errors.New("this needs the cpu controller of cgroups v1 or v2 (CONFIG_CFS_BANDWIDTH), mounted under /sys/fs/cgroup")
}
