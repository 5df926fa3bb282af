# Homebrew formula, for macOS and Linux:
#
#   brew install --HEAD ./packaging/homebrew/vaultd.rb
#
# There is no release yet. The first one adds its `url` and `sha256` below the
# homepage, and the `license` that its owner has chosen.
class Vaultd < Formula
  desc "Key management for one machine, with the kernel as the login"
  homepage "https://github.com/vaultd/vaultd"
  head "https://github.com/vaultd/vaultd.git", branch: "main"

  depends_on "go" => :build

  def install
    system "make", "build", "manual", "VERSION=#{version}"
    bin.install "bin/vaultd", "bin/vaultctl"
    bin.install_symlink bin/"vaultctl" => "age-plugin-vaultd"
    man.install Dir["dist/man/man*"]
    generate_completions_from_executable(bin/"vaultctl", "completion")
    pkgshare.install "packaging/vaultd.toml"
  end

  # A vault of the user's own. It starts sealed: vaultctl unseal.
  service do
    run [opt_bin/"vaultd", "--user"]
    keep_alive crashed: true
    log_path var/"log/vaultd.log"
    error_log_path var/"log/vaultd.log"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/vaultctl version")
    assert_match "the configuration is fine", shell_output("#{bin}/vaultd --user config check")
  end
end
