# What the set is made of. Every `debs` list here is downloaded.
{
  # Nixpkgs attribute = the Debian packages whose files make it. mainProgram is
  # the attribute unless told; install is shell code run on the files in $out.
  programs = {
    bash = {
      debs = [ "bash" ];
      install = "ln -s bash $out/bin/sh";
    };
    bzip2.debs = [ "bzip2" ];
    coreutils.debs = [ "coreutils" ];
    diffutils = {
      debs = [ "diffutils" ];
      mainProgram = "diff";
    };
    fd = {
      debs = [ "fd-find" ];
      install = "ln -s fdfind $out/bin/fd";
    };
    file = {
      debs = [
        "file"
        "libmagic-mgc"
      ];
      install = "wrap file MAGIC=$out/lib/file/magic.mgc";
    };
    findutils = {
      debs = [ "findutils" ];
      mainProgram = "find";
    };
    gawk = {
      debs = [ "gawk" ];
      install = "ln -s gawk $out/bin/awk";
    };
    gnugrep = {
      debs = [ "grep" ];
      mainProgram = "grep";
    };
    gnumake = {
      debs = [ "make" ];
      mainProgram = "make";
    };
    gnused = {
      debs = [ "sed" ];
      mainProgram = "sed";
    };
    gnutar = {
      debs = [ "tar" ];
      mainProgram = "tar";
    };
    gzip.debs = [ "gzip" ];
    hello.debs = [ "hello" ];
    jq.debs = [ "jq" ];
    openssl.debs = [
      "openssl"
      "libssl-dev"
    ];
    patch.debs = [ "patch" ];
    patchelf.debs = [ "patchelf" ];
    pkg-config = {
      debs = [
        "pkgconf-bin"
        "pkgconf"
      ];
      install = "ln -sf pkgconf $out/bin/pkg-config";
    };
    ripgrep = {
      debs = [ "ripgrep" ];
      mainProgram = "rg";
    };
    shellcheck.debs = [ "shellcheck" ];
    tree.debs = [ "tree" ];
    xz.debs = [ "xz-utils" ];
    zlib.debs = [ "zlib1g-dev" ];
  };

  # python3Packages; the modules they need come along.
  pythonModules = {
    pytest.debs = [ "python3-pytest" ];
    pyyaml.debs = [ "python3-yaml" ];
    requests.debs = [ "python3-requests" ];
  };

  # Packages that pkgs.nix builds in ways of their own.
  python.debs = [
    "python3.13"
    "python3.13-minimal"
    "libpython3.13-minimal"
    "libpython3.13-stdlib"
  ];
  gcc.debs = [
    "gcc-14"
    "g++-14"
    "libc6-dev"
  ];
  cacert.debs = [ "ca-certificates" ];
  # What compiled programs load, and the shell everything is unpacked with.
  runtime.debs = [
    "libc6"
    "libgcc-s1"
    "libstdc++6"
  ];
  bootstrap.debs = [ "busybox-static" ];
}
