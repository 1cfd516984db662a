{
  description = "A few Debian programs behind the part of the Nixpkgs interface that agent-capture uses";

  outputs =
    { self }:
    let
      lib = import ./lib.nix;
    in
    {
      inherit lib;
      # The programs are x86_64-linux ones. The other systems are there to be
      # evaluated: Nix 2.8 evaluates every system a flake lists.
      legacyPackages = lib.genAttrs [
        "x86_64-linux"
        "aarch64-linux"
        "aarch64-darwin"
      ] (system: import ./pkgs.nix { inherit lib system; });
    };
}
