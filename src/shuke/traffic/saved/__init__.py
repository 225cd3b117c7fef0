"""What a shop saves under a name: funnels and planned routes keep their rows, their changes and their record alike."""
